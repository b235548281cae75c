"""The deterministic dialogue: it converts the customer's text to sentences and tool calls.

It is independent of audio, rooms and transports.

`understanding` converts an utterance to a frame, and `policy` selects a flow for it. The flow, in `flows/`,
asks a question or calls a tool. All vocabulary and sentences are in `agent.language`. `flightdata_tools`
connects the dialogue to the flight-data service.
"""
