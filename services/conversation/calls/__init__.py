"""Conversations and calls: their lifecycle, and the supervision that keeps an agent in each running call.

calls, conversations    start, rejoin, open, close and end
supervision             the loop over all running calls
agent_replacement       when a lost or late agent is replaced, and how often
caller_absence          when a call without its caller ends
holds, replica_leases   which replica has the stream of an agent, and which replicas are alive
cleanup                 closes the room and revokes the grant of an ended call
livekit_rooms, grants   LiveKit and the identity service, behind the interfaces in `ports`
"""
