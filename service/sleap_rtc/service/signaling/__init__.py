"""Orchestration: the signaling server: where peers of a room find each other before they are connected.

It speaks the WebSocket and HTTP protocol of the existing tool, whose clients and workers can use it, and lets
our own members in with nothing but their id token: membership of the room is authority, and the room's short
token is for those who are no members.

Peers that are to find each other have to be connected to the same instance of the service: who is there is
kept in its memory (`switchboard.py`). Rooms, their tokens and the key of anonymous sign-ins lie in the rooms
bucket, so any instance lets the same people in.
"""
