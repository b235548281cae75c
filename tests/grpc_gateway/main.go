// Command grpc-gateway serves the services' HTTP API as grpc-gateway's generated code does, with its defaults.
//
// usage: grpc-gateway LISTEN SERVICE=ADDRESS...
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // the details of errors, which are written as JSON
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

type register func(context.Context, *runtime.ServeMux, string, []grpc.DialOption) error

func main() {
	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	for _, argument := range os.Args[2:] {
		service, address, _ := strings.Cut(argument, "=")
		if err := services[service](context.Background(), mux, address, options); err != nil {
			log.Fatal(err)
		}
	}
	log.Fatal(http.ListenAndServe(os.Args[1], mux))
}
