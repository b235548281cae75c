import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client } from "./client.js";
import { CredentialsFile } from "./credentials_file.js";
import type { CredentialsStore } from "./session.js";

export * from "./index.js";
export { CredentialsFile };

const PORTS = { identity: 50051, conversation: 50052, flightdata: 50053 };
type Service = keyof typeof PORTS;

export interface ConnectOptions {
  /** `host:port` or an `https://` address of each service; those of the environment by default. */
  addresses?: Partial<Record<Service, string>>;
  /** Keeps the session, by default in the file of `readback login`. */
  store?: CredentialsStore;
}

/** Connect to the services over gRPC. */
export function connect({ addresses = {}, store }: ConnectOptions = {}): Client {
  const address = (service: Service) => addresses[service] ?? fromEnvironment(service);
  return new Client(
    (interceptors) => {
      const to = (service: Service) =>
        createGrpcTransport({
          baseUrl: address(service).includes("://") ? address(service) : `http://${address(service)}`,
          interceptors,
          // Finds a lost connection within half a minute.
          pingIntervalMs: 15_000,
          pingTimeoutMs: 10_000,
        });
      return { identity: to("identity"), conversation: to("conversation"), flightdata: to("flightdata") };
    },
    store ?? CredentialsFile.forAddress(address("identity")),
  );
}

/** Return the address in READBACK_…_ADDRESS or READBACK_…_PORT, as the services read them. */
function fromEnvironment(service: Service): string {
  const value = (name: string) => process.env[`READBACK_${service.toUpperCase()}_${name}`];
  return value("ADDRESS") || `127.0.0.1:${value("PORT") || PORTS[service]}`;
}
