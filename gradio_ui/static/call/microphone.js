// The microphone, and what to tell somebody whose browser won't give it.

const HELP = {
  denied: "Your browser is blocking the microphone. Allow it in the address bar, then try again. Until then you can type.",
  missing: "No microphone was found. Plug one in and try again. Until then you can type.",
  busy: "Another program is using the microphone. Close it and try again. Until then you can type.",
  insecure: "Browsers only allow the microphone on https:// or on this machine itself. You can type instead.",
};
const KINDS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing" };

/** Why there is no microphone: `kind` is denied, missing, busy or insecure; `message` is for people. */
export class NoMicrophone extends Error {
  constructor(kind) {
    super(HELP[kind]);
    this.kind = kind;
  }
}

/** Asks for the microphone. Throws NoMicrophone. */
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
