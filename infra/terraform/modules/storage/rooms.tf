# Rooms: models, jobs, manifests. What is current never expires, but for marks that nobody asks for any more.
resource "aws_s3_bucket" "rooms" {
  # checkov:skip=CKV_AWS_144:Versions keep what is deleted by mistake for a week; S3 itself keeps objects in three zones. A second region is for a lab to decide and to pay.
  # checkov:skip=CKV2_AWS_62:Its one notification is in module eventing, which has the queue that it sends to.
  bucket        = var.rooms_bucket
  force_destroy = var.force_destroy
  tags          = merge(var.tags, { Name = "${var.name}-rooms" })
}

resource "aws_s3_bucket_ownership_controls" "rooms" {
  bucket = aws_s3_bucket.rooms.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "rooms" {
  bucket                  = aws_s3_bucket.rooms.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "rooms" {
  bucket = aws_s3_bucket.rooms.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "rooms" {
  bucket = aws_s3_bucket.rooms.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.encryption
      kms_master_key_id = var.kms_key_arn
    }

    # One call of KMS for many objects, not one for each.
    bucket_key_enabled = var.kms_key_arn != null
  }
}

resource "aws_s3_bucket_policy" "rooms" {
  bucket     = aws_s3_bucket.rooms.id
  policy     = local.policies["rooms"]
  depends_on = [aws_s3_bucket_public_access_block.rooms]
}

resource "aws_s3_bucket_logging" "rooms" {
  bucket        = aws_s3_bucket.rooms.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "rooms/"
  depends_on    = [aws_s3_bucket_policy.logs]
}

resource "aws_s3_bucket_lifecycle_configuration" "rooms" {
  bucket     = aws_s3_bucket.rooms.id
  depends_on = [aws_s3_bucket_versioning.rooms]

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.resume_days
    }
  }

  rule {
    id     = "expire-receipts"
    status = "Enabled"

    filter {
      prefix = ".receipts/"
    }

    expiration {
      days = var.resume_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "expire-quota-marks"
    status = "Enabled"

    filter {
      prefix = ".quotas/"
    }

    expiration {
      days = var.resume_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  # What was replaced or deleted can be had back for a while. Checkpoints are replaced every minute: kept for ever,
  # they would be most of what a month costs.
  rule {
    id     = "expire-replaced"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }

  rule {
    id     = "remove-delete-markers"
    status = "Enabled"

    filter {
      prefix = ""
    }

    expiration {
      expired_object_delete_marker = true
    }
  }
}
