import type { LiveText } from "./gen/readback/conversation/v1/conversation_service_pb.js";

const MAX_TEXTS = 64;

/** The texts of open utterances on one stream, put together from their changes. */
export class LiveTexts {
  private readonly texts = new Map<string, LiveText>();

  /** Complete a change in place to the whole text with offset 0. Return false if it continues an unknown text. */
  complete(change: LiveText): boolean {
    const earlier = this.texts.get(change.utteranceId);
    this.texts.delete(change.utteranceId);
    if (change.offset > 0) {
      if (!earlier) return false;
      const { revision, offset, tail } = change;
      // The offset counts code points, not the UTF-16 units of JavaScript's strings.
      Object.assign(change, earlier, { revision, tail: [...earlier.tail].slice(0, offset).join("") + tail });
    }
    this.texts.set(change.utteranceId, change);
    if (this.texts.size > MAX_TEXTS) this.texts.delete(this.texts.keys().next().value!);
    return true;
  }

  /** Forget an utterance whose entry has arrived. */
  close(utteranceId: string): void {
    this.texts.delete(utteranceId);
  }
}
