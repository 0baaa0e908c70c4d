"""Adapter: obstore as it comes: obstore_copy.py upload|download ENDPOINT FILE BUCKET KEY."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

direction, endpoint, file, bucket, key = sys.argv[1:]
obstore = import_module("obstore")  # installed among the peers alone
store = import_module("obstore.store").S3Store(
    bucket,
    endpoint=endpoint,
    region="us-east-1",
    virtual_hosted_style_request=False,
    client_options={"allow_http": True},
)
if direction == "upload":
    obstore.put(store, key, Path(file))
else:
    with Path(file).open("wb") as target:
        for piece in obstore.get(store, key).stream():
            target.write(piece)
