-- Part of the scripts that read the state of a sequence: the highest version of that hash that they know.

local VERSION = '1'
