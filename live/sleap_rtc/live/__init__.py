"""WebRTC: signaling, peer sessions and the wire protocol of the existing tool."""
