"""The deterministic dialogue: text in, words to speak and tools to use out.

Knows nothing of audio, rooms or transports: `understanding` turns words into a frame, `policy` picks a flow, a flow in `flows/` asks
or uses a tool, `phrasing` says it. `flightdata_tools` and `flightdata_places` join it to the flight-data service.
"""
