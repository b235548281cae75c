/**
 * Search flights, then follow a conversation across restarts of the service, each entry once.
 *
 *     EMAIL=… PASSWORD=… node dist/examples/follow.js [--entries] [CONVERSATION_ID]
 *
 * Signs in, or registers a new account; without EMAIL it uses the session of `readback login`. Without an id it
 * follows the newest conversation, or starts one. With `--entries` it prints a table of entries, else their words.
 * It ends when the conversation ends.
 */
import { parseArgs } from "node:util";
import { type Client, connect, type Entry, ReadbackError } from "../src/node.js";

async function signIn(client: Client): Promise<void> {
  const { EMAIL = "", PASSWORD = "" } = process.env;
  if (!EMAIL) return; // the session of `readback login`
  try {
    await client.signIn(EMAIL, PASSWORD);
  } catch (error) {
    if (!(error instanceof ReadbackError && error.reason === "WRONG_CREDENTIALS")) throw error;
    await client.register(EMAIL, PASSWORD, EMAIL.split("@")[0]!);
  }
}

async function searchFlights(client: Client): Promise<void> {
  const day = new Date(Date.now() + 20 * 24 * 3600 * 1000);
  const departureDate = { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() };
  const legs = [{ origin: "MAA", destination: "DEL", departureDate }];
  for await (const { event } of client.flightdata.searchFlights({ legs })) {
    if (event.case !== "results") continue;
    for (const { segments, fare } of event.value.itineraries) {
      const price = fare?.total ? `${fare.total.units} ${fare.total.currencyCode}` : "";
      console.log("flight", segments.map((segment) => segment.flightNumber).join(" "), price);
    }
  }
}

async function newestConversation(client: Client): Promise<string> {
  const { conversations } = await client.conversation.listConversations({ pageSize: 1 });
  const { conversation } = conversations[0]
    ? { conversation: conversations[0] }
    : await client.conversation.startConversation({});
  return conversation!.conversationId;
}

function row({ number, conversationId, content }: Entry): string {
  const kind = content.case?.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) ?? "";
  const text = content.case === "utterance" ? content.value.text : "";
  return [number, conversationId, kind, text].join("\t");
}

const { values, positionals } = parseArgs({ options: { entries: { type: "boolean" } }, allowPositionals: true });
const client = connect();
await signIn(client);
await searchFlights(client);
const conversationId = positionals[0] ?? (await newestConversation(client));
const onConnection = (change: string) => console.error(`connection ${change}`);
for await (const entry of client.watch({ conversationId }, { onConnection })) {
  if (values.entries) console.log(row(entry));
  else if (entry.content.case === "utterance") console.log(entry.content.value.text);
}
