"""Registers a prefix and takes a number, with the client that openapi-python-client generated."""

import os

from api import AuthenticatedClient
from api.api.numbers import take_number
from api.api.prefix_configs import register_prefix
from api.models import IssuedNumbers, PrefixConfigRequest, WrittenPrefixConfig

with AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["TOKEN"]) as client:
    written = register_prefix.sync("PY", client=client, body=PrefixConfigRequest(format_="PY-{SEQ:6}"))
    assert isinstance(written, WrittenPrefixConfig), written

    issued = take_number.sync(client=client, prefix_key="PY", count=2)
    assert isinstance(issued, IssuedNumbers) and issued.numbers == ["PY-000001", "PY-000002"], issued
