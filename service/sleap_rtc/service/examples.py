"""Pure: an example of each request, by the name of its schema, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

_CRC = "AAAAAAAAAAA="
_FILE_CRC = f"crc64nvme:{_CRC}"
_ULID = "01JD0000000000000000000000"
_UPLOAD = f"a1b2c3d4-{_ULID}"
_AT = "2026-11-28T09:00:00Z"
_PART = {"number": 1, "length": 1000, "checksum": _CRC}
_SENT = {**_PART, "etag": '"0cc175b9c0f1b6a831c399e269772661"'}
_FILE = {"name": "best.ckpt", "size_bytes": 1000, "checksum": _FILE_CRC}
_OPEN = {"name": "best.ckpt", "s3_upload_id": "2~abcdef"}
_COMPLETE = {**_OPEN, "whole_checksum": True, "checksum": _CRC, "parts": [_SENT]}
_HELD = {"fencing": 1}
_SLOT = {"fencing": 1, "slot": "a"}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
_RECORD = {
    "model_id": "0f1e2d3c",
    "model_type": "centroid",
    "room_id": "a1b2c3d4",
    "files": [_FILE],
    "job_id": _ULID,
    "attempt": 1,
    "fencing": 1,
    "trainer": "sleap-nn",
    "trained_by": "somebody",
    "trained_on_worker": "gpu-1",
    "trained_at": _AT,
}
_CHECKPOINT = {
    "room_id": "a1b2c3d4",
    "job_id": _ULID,
    "fencing": 1,
    "slot": "a",
    "epoch": 3,
    "model_type": "centroid",
    "config_checksum": _FILE_CRC,
    "trainer": "sleap-nn",
    "files": [_FILE],
    "saved_at": _AT,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "RequestUpload": {
        "a dataset with a job": {
            "room_id": "a1b2c3d4",
            "file_name": "flies.zip",
            "size_bytes": 50_000_000_000,
            "part_size_bytes": 100_000_000,
            "content_type": "application/zip",
            "job": {"type": "training", "trainer": "sleap-nn"},
        }
    },
    "SignParts": {"one part": {"parts": [_PART]}},
    "CompleteUpload": {"all parts": {"upload_id": _UPLOAD, "checksum": _CRC, "parts": [_SENT]}},
    "SubmitJob": {
        "a training": {
            "upload_id": _UPLOAD,
            "job": {"overrides": {"trainer_config.max_epochs": "50"}},
            "submission_id": "5f0c",
        },
        "an inference": {
            "upload_id": _UPLOAD,
            "job": {"type": "inference", "models": ["production"], "options": {"frames": "suggested"}},
            "submission_id": "5f10",
        },
    },
    "SubmitSharedJob": {
        "a training": {
            "job_id": _ULID,
            "dataset": {"path": "mice/day 3.zip", "size_bytes": 1000, "checksum": _FILE_CRC},
            "job": {"type": "training"},
        }
    },
    "RetryJob": {"once more": {"submission_id": "5f0d"}},
    "RequestDownload": {
        "a model": {"room_id": "a1b2c3d4", "model": "production"},
        "a dataset": {"room_id": "a1b2c3d4", "upload_id": _UPLOAD},
    },
    "ChangeModel": {"a tag and a note": {"add_tags": ["flies"], "notes": "For the paper."}},
    "SetAlias": {"from one model to another": {"model": "0f1e2d3c", "expected": "4b5a6978"}},
    "AddVersion": {"the next version": {"name": "flies", "model": "0f1e2d3c"}},
    "CollectGarbage": {"only look": {"grace_h": 24, "delete": False}},
    "CreateRoom": {"a room": {"name": "The lab", "submission_id": "5f0e"}},
    "RenameRoom": {"another name": {"name": "The other lab"}},
    "ChangeRole": {"an owner": {"role": "owner"}},
    "Invite": {"a reader for a day": {"role": "reader", "expires_in_s": 86_400, "uses": 1}},
    "GiveWorkerToken": {"for a month": {"name": "gpu-1", "expires_in_s": 2_592_000, "submission_id": "5f0f"}},
    "JoinRoom": {"an invitation": {"invitation": "a1b2c3d4.0f1e2d3c4b5a.c2VjcmV0"}},
    "ReceiveWakeUps": {"look, and do not wait": {"most": 1, "wait_s": 0, "visibility_s": 30}},
    "ExtendWakeUp": {"give it back": {"receipt_handle": "AQEB", "visibility_s": 0}},
    "DeleteWakeUp": {"settle it": {"receipt_handle": "AQEB"}},
    "SendWakeUp": {
        "wake a worker": {"body": f'{{"job_id": "{_ULID}", "room_id": "a1b2c3d4"}}', "delay_s": 0}
    },
    "BuryWakeUp": {"with the reason": {"body": "{}", "attributes": {"reason": "not_json"}}},
    "CheckIn": {
        "a desktop": {"kind": "desktop", "trainer": "sleap-nn", "started_at": _AT, "until": _AT, "models": []}
    },
    "ClaimJob": {"by a worker": {"worker_id": "gpu-1", "event": "0b7e"}},
    "ReportJob": {
        "still there": {**_HELD, "report": {"kind": "renewed"}},
        "training": {**_HELD, "report": {"kind": "advanced", "state": "training", "note": ""}},
        "the first of two models is there": {
            **_HELD,
            "report": {
                "kind": "model_sent",
                "model_id": "0f1e2d3c",
                "model_type": "centroid",
                "turn": {"index": 0, "count": 2},
            },
        },
    },
    "ReportUsage": {
        "an upload": {
            "report_id": _ULID,
            "usage": {"requests": {"s3.UploadPart": 10}, "bytes": {"upload.internet.dataset": 1000}},
        }
    },
    "ReportWorkerUsage": {
        "a training": {
            **_HELD,
            "began": _AT,
            "usage": {"requests": {"s3.GetObject": 2}, "bytes": {"download.in_region.dataset": 1000}},
        }
    },
    "KeepSpans": {
        "of a client": {
            "spans": [
                {
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                    "span_id": "00f067aa0ba902b7",
                    "name": "upload dataset",
                    "kind": "client",
                    "part": "client",
                    "start_ns": 1_795_860_000_000_000_000,
                    "end_ns": 1_795_860_002_500_000_000,
                    "attributes": {"sleap_rtc.size": 1000},
                }
            ]
        }
    },
    "WriteLog": {"a piece": {**_HELD, "segment": 1, "text": "epoch 1\n"}},
    "WriteProgress": {"an event": {**_HELD, "seq": 1, "text": "{}\n"}},
    "WriteSample": {"a picture": {**_HELD, "name": "frame-1.png", "content": _PNG}},
    "OpenModelFile": {"a file": {**_HELD, **_FILE}},
    "SignModelParts": {"one part": {**_HELD, **_OPEN, "parts": [_PART]}},
    "CompleteModelFile": {"all parts": {**_HELD, **_COMPLETE}},
    "AbortModelFile": {"give it up": {**_HELD, **_OPEN}},
    "PublishModel": {"a model": {**_HELD, "record": _RECORD}},
    "GiveCommand": {
        "stop": {"command_id": _ULID, "command": {"name": "stop"}},
        "learn slower": {"command_id": _ULID, "command": {"name": "set_learning_rate", "value": 0.0001}},
    },
    "OpenCheckpointFile": {"a file": {**_SLOT, **_FILE}},
    "SignCheckpointParts": {"one part": {**_SLOT, **_OPEN, "parts": [_PART]}},
    "CompleteCheckpointFile": {"all parts": {**_SLOT, **_COMPLETE}},
    "AbortCheckpointFile": {"give it up": {**_SLOT, **_OPEN}},
    "KeepCheckpoint": {"after its files": {**_HELD, "checkpoint": _CHECKPOINT}},
    "OpenPushedFile": {"one of one": {"files": [_FILE], "name": "best.ckpt"}},
    "SignPushedParts": {"one part": {**_OPEN, "parts": [_PART]}},
    "CompletePushedFile": {"all parts": _COMPLETE},
    "AbortPushedFile": {"give it up": _OPEN},
    "PublishPushed": {"a model": {"files": [_FILE], "trainer": "sleap-nn", "trained_at": _AT}},
    "DeletePeer": {"one": {"peer_id": "gpu-1"}},
    "DeletePeersAndRoom": {"all": {"room_id": "a1b2c3d4"}},
}
