# Datasets: they come over presigned URLs, are read by workers, and go after dataset_days.
resource "aws_s3_bucket" "uploads" {
  # checkov:skip=CKV_AWS_144:A dataset goes after weeks and can be uploaded again; a copy in another region would double what it costs.
  # checkov:skip=CKV2_AWS_62:Its one notification is in module eventing, which has the queue that it sends to.
  bucket        = var.uploads_bucket
  force_destroy = var.force_destroy
  tags          = merge(var.tags, { Name = "${var.name}-uploads" })
}

resource "aws_s3_bucket_ownership_controls" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "uploads" {
  bucket                  = aws_s3_bucket.uploads.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.encryption
      kms_master_key_id = var.kms_key_arn
    }

    # One call of KMS for many objects, not one for each.
    bucket_key_enabled = var.kms_key_arn != null
  }
}

resource "aws_s3_bucket_policy" "uploads" {
  bucket     = aws_s3_bucket.uploads.id
  policy     = local.policies["uploads"]
  depends_on = [aws_s3_bucket_public_access_block.uploads]
}

resource "aws_s3_bucket_logging" "uploads" {
  bucket        = aws_s3_bucket.uploads.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "uploads/"
  depends_on    = [aws_s3_bucket_policy.logs]
}

resource "aws_s3_bucket_cors_configuration" "uploads" {
  count  = length(var.cors_origins) > 0 ? 1 : 0
  bucket = aws_s3_bucket.uploads.id

  cors_rule {
    id              = "web-uploads"
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "PUT"]
    allowed_headers = ["content-type", "if-match", "range", "x-amz-checksum-crc64nvme"]
    expose_headers  = ["content-range", "etag", "x-amz-checksum-crc64nvme", "x-amz-request-id"]
    max_age_seconds = 3600
  }
}

# In a versioned bucket an expired object becomes an older version behind a delete marker. Its bytes are free when
# the older version expires, and the marker goes by a rule of its own, since S3 takes no days beside it.
resource "aws_s3_bucket_lifecycle_configuration" "uploads" {
  bucket     = aws_s3_bucket.uploads.id
  depends_on = [aws_s3_bucket_versioning.uploads]

  rule {
    id     = "expire-datasets"
    status = "Enabled"

    filter {
      prefix = "uploads/"
    }

    expiration {
      days = var.dataset_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
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
}
