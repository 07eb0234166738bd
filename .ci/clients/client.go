// Registers a prefix and takes a number, with the client that oapi-codegen generated.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"example.com/numbers/api"
)

func read(reply *http.Response, err error, into any) {
	if err != nil {
		log.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		log.Fatal(reply.Status)
	}
	if err := json.NewDecoder(reply.Body).Decode(into); err != nil {
		log.Fatal(err)
	}
}

func main() {
	authorized := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		return nil
	}
	client, err := api.NewClient(os.Getenv("BASE_URL"), api.WithRequestEditorFn(authorized))
	if err != nil {
		log.Fatal(err)
	}
	var written api.WrittenPrefixConfig
	reply, err := client.RegisterPrefix(context.Background(), "GO", nil, api.PrefixConfigRequest{Format: "GO-{SEQ:6}"})
	read(reply, err, &written)

	count := 2
	var issued api.IssuedNumbers
	reply, err = client.TakeNumber(context.Background(), &api.TakeNumberParams{PrefixKey: "GO", Count: &count})
	read(reply, err, &issued)
	if issued.Numbers == nil || len(*issued.Numbers) != 2 || (*issued.Numbers)[0] != "GO-000001" {
		log.Fatalf("Not these numbers: %v", issued.Numbers)
	}
}
