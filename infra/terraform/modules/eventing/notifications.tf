# S3 keeps one notification configuration for each bucket, so there is one resource for each: a second would
# overwrite the first, and the first the second, at every apply. S3 sends a test message when it is set, and
# refuses a queue that does not take it: the policies come first.
locals {
  created = ["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"]
}

resource "aws_s3_bucket_notification" "uploads" {
  bucket     = var.uploads_bucket
  depends_on = [aws_sqs_queue_policy.upload_events]

  queue {
    id            = var.upload_events_queue
    queue_arn     = local.upload_events_arn
    events        = local.created
    filter_prefix = "uploads/"
  }
}

resource "aws_s3_bucket_notification" "rooms" {
  bucket     = var.rooms_bucket
  depends_on = [aws_sqs_queue_policy.model_events]

  queue {
    id            = var.model_events_queue
    queue_arn     = local.model_events_arn
    events        = local.created
    filter_suffix = "/model.json"
  }
}
