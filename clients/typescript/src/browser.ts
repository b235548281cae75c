import { createConnectTransport } from "@connectrpc/connect-web";
import { Client } from "./client.js";
import { CredentialsInMemory, type CredentialsStore } from "./session.js";

export * from "./index.js";

/** Connect to the HTTP gateway. The page that calls it needs the gateway's origin, or one of its allowed origins. */
export function connect(gateway: string, store: CredentialsStore = new CredentialsInMemory()): Client {
  return new Client((interceptors) => {
    const transport = createConnectTransport({ baseUrl: gateway, interceptors });
    return { identity: transport, conversation: transport, flightdata: transport };
  }, store);
}
