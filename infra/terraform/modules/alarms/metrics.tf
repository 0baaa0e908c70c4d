# What AWS does not count by itself: errors and poison in the service's log, and failures of S3.
locals {
  namespace = "SleapRtc/${var.name}"

  # The service writes JSON lines (docs/configuration.md).
  log_patterns = {
    LogErrors      = "{ ($.level = \"error\") || ($.level = \"critical\") }"
    PoisonMessages = "{ $.event = \"*poison message*\" }"
  }

  # Only what is below the prefix is counted, so that nothing else is paid for.
  counted_buckets = var.s3_request_metrics ? { uploads = var.uploads_bucket, rooms = var.rooms_bucket } : {}
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each = local.log_patterns

  name           = "${var.name}-${each.key}"
  log_group_name = var.log_group_name
  pattern        = each.value

  metric_transformation {
    namespace     = local.namespace
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

resource "aws_s3_bucket_metric" "this" {
  for_each = local.counted_buckets

  bucket = each.value
  name   = "every-request"
}
