"""Objects and rooms: how bytes travel to and from S3, and what lies there."""
