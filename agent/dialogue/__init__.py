"""The deterministic dialogue: text goes in, sentences and tool calls come out.

It knows nothing of audio, rooms or transports.

`understanding` makes a frame of an utterance, `policy` picks a flow for it, and the flow, in `flows/`, asks a
question or calls a tool. All words are in `agent.language`. `flightdata_tools` connects the dialogue to the
flight-data service.
"""
