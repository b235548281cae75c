// Access to the microphone, and help texts for callers whose browser refuses it.

const HELP = {
  denied:
    "Your browser is blocking the microphone. Allow it in the address bar and try again, or type instead.",
  missing: "No microphone was found. Plug one in and try again, or type instead.",
  busy: "Another program is using the microphone. Close it and try again, or type instead.",
  interrupted:
    "The connection was interrupted before your microphone was on. Turn it on again, or type instead.",
  insecure: "Browsers allow the microphone only on https:// or on this computer. You can type instead.",
};
const KINDS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
};

/** The microphone can't be used. `kind` is a key of `HELP`; `message` is for people. */
export class NoMicrophone extends Error {
  constructor(kind) {
    super(HELP[kind]);
    this.kind = kind;
  }
}

/** Asks the browser for the microphone and returns its audio track. Throws NoMicrophone. */
export async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new NoMicrophone("insecure");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    return stream.getAudioTracks()[0];
  } catch (error) {
    throw new NoMicrophone(KINDS[error.name] ?? "busy");
  }
}
