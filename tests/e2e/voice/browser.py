"""Real Chromium with a WAV as microphone, and a recorder of captions and loudness in the page."""

from __future__ import annotations

import base64
import contextlib
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hibari import SAMPLE_RATE, Hibari
from playwright.sync_api import Page, sync_playwright

from tests.product import Product

PASSWORD = "a long walk in the park"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)

# Records when the microphone was loud, the captions with their times, and the agent's peak loudness.
WITNESS = """
window.witness = { loud: [], captions: [], agentPeak: 0 };
const meter = (stream, heard) => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    heard(Math.max(...samples.map(Math.abs)));
  }, 20);
};
const original = navigator.mediaDevices?.getUserMedia?.bind(navigator.mediaDevices);
if (original) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await original(wanted);
  const record = (peak) => { if (peak > 0.05) witness.loud.push(performance.now()); };
  if (wanted.audio) meter(stream.clone(), record);
  return stream;
};
// A microphone controlled by `speak`, for tests that react to the call.
const promptedMicrophone = () => {
  const context = new AudioContext();
  const microphone = context.createMediaStreamDestination();
  window.speak = async (wav) => {
    await context.resume();
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(Uint8Array.from(atob(wav), (c) => c.charCodeAt(0)).buffer);
    source.connect(microphone);
    source.start();
    await new Promise((ended) => { source.onended = ended; });
  };
  navigator.mediaDevices.getUserMedia = async () => microphone.stream.clone();
};
new MutationObserver(() => {
  const audio = document.querySelector("audio[data-testid=agent-audio]");
  if (audio?.srcObject && !audio.dataset.metered) {
    audio.dataset.metered = "yes";
    meter(audio.srcObject, (peak) => { witness.agentPeak = Math.max(witness.agentPeak, peak); });
  }
  for (const line of document.querySelectorAll("[data-testid=caption]")) {
    const { speaker, state, utteranceId } = line.dataset;
    const text = line.querySelector(".line-text").textContent;
    const last = witness.captions.findLast((seen) => seen.utteranceId === utteranceId);
    if (last?.text === text && last?.state === state) continue;
    witness.captions.push({ at: performance.now(), speaker, state, utteranceId, text });
  }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


def microphone(path: Path, script: Sequence[float | str]) -> Path:
    """Write the WAV of a script: numbers are seconds of silence, texts are spoken."""
    voice = Hibari()
    parts = [
        np.zeros(int(part * SAMPLE_RATE)) if isinstance(part, (int, float)) else _speech(voice, part)
        for part in script
    ]
    pcm = (np.clip(np.concatenate(parts), -1, 1) * 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes())
    return path


def _speech(voice: Hibari, text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    samples = np.asarray(voice(text), dtype=np.float64)
    loud = np.nonzero(np.abs(samples) > 0.012)[0]
    return samples[loud[0] : loud[-1] + 1]


@contextlib.contextmanager
def page_of(product: Product, wav: Path | None = None) -> Iterator[Page]:
    """Open the app in a browser whose microphone plays the WAV once, or what `speak` gets."""
    with sync_playwright() as playwright:
        arguments = [*QUIET, *([f"--use-file-for-fake-audio-capture={wav}%noloop"] if wav else [])]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        try:
            context = browser.new_context(permissions=["microphone"], base_url=product.web_app_url)
            context.add_init_script(WITNESS if wav else f"{WITNESS}; promptedMicrophone();")
            yield context.new_page()
        finally:
            browser.close()


def sign_up(page: Page, email: str) -> None:
    """Create an account through the form and wait for the app."""
    page.goto("/")
    page.get_by_test_id("switch-mode").click()
    page.get_by_test_id("display-name").fill("Asha")
    page.get_by_test_id("email").fill(email)
    page.get_by_test_id("password").fill(PASSWORD)
    page.get_by_test_id("submit").click()
    page.get_by_test_id("call").wait_for()


def speak(page: Page, wav: Path) -> None:
    """Play a WAV in the microphone of a page opened without one, and wait until it ends."""
    page.evaluate("wav => speak(wav)", base64.b64encode(wav.read_bytes()).decode())


def captions(page: Page) -> list[dict[str, Any]]:
    """Return all captions shown so far: `at` in ms, `speaker`, `state`, `utteranceId`, `text`."""
    seen: list[dict[str, Any]] = page.evaluate("witness.captions")
    return seen
