# The queues that hear of datasets and of models.
locals {
  queues_arn = "arn:${var.partition}:sqs:${var.region}:${var.account_id}"

  upload_events_arn              = "${local.queues_arn}:${var.upload_events_queue}"
  upload_events_dead_letters_arn = "${local.queues_arn}:${var.upload_events_queue}-dlq"
  model_events_arn               = "${local.queues_arn}:${var.model_events_queue}"
  model_events_dead_letters_arn  = "${local.queues_arn}:${var.model_events_queue}-dlq"

  # As in service/sleap_rtc/service/topology.py, which says why.
  redrive_after         = 1000
  largest_message_bytes = 262144
  largest_letter_bytes  = 1048576

  # SQS takes one of the two.
  sse_sqs     = var.kms_key_arn == null ? true : null
  key_reuse_s = var.kms_key_arn == null ? null : 300

  upload_events_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.may_send["upload_events"]
  })
  model_events_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.may_send["model_events"]
  })

  # A bucket's ARN does not say whose it is, so the account is asked for, too: a bucket of this name that somebody
  # else makes after ours is gone sends nothing.
  may_send = {
    for queue, pair in {
      upload_events = { arn = local.upload_events_arn, bucket = var.uploads_bucket }
      model_events  = { arn = local.model_events_arn, bucket = var.rooms_bucket }
      } : queue => [
      {
        Sid       = "EventsOfTheBucket"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = pair.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = "arn:${var.partition}:s3:::${pair.bucket}" }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = pair.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  }
}

resource "aws_sqs_queue" "upload_events_dead_letters" {
  name                              = "${var.upload_events_queue}-dlq"
  message_retention_seconds         = var.dead_letter_retention_s
  max_message_size                  = local.largest_letter_bytes
  sqs_managed_sse_enabled           = local.sse_sqs
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = local.key_reuse_s
  tags                              = merge(var.tags, { Name = "${var.name}-upload-events-dead-letters" })
}

resource "aws_sqs_queue" "upload_events" {
  name                              = var.upload_events_queue
  visibility_timeout_seconds        = var.event_visibility_s
  message_retention_seconds         = var.queue_retention_s
  max_message_size                  = local.largest_message_bytes
  sqs_managed_sse_enabled           = local.sse_sqs
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = local.key_reuse_s
  tags                              = merge(var.tags, { Name = "${var.name}-upload-events" })
  depends_on                        = [aws_sqs_queue.upload_events_dead_letters]

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.upload_events_dead_letters_arn
    maxReceiveCount     = local.redrive_after
  })
}

resource "aws_sqs_queue_policy" "upload_events" {
  queue_url = aws_sqs_queue.upload_events.url
  policy    = local.upload_events_policy
}

resource "aws_sqs_queue" "model_events_dead_letters" {
  name                              = "${var.model_events_queue}-dlq"
  message_retention_seconds         = var.dead_letter_retention_s
  max_message_size                  = local.largest_letter_bytes
  sqs_managed_sse_enabled           = local.sse_sqs
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = local.key_reuse_s
  tags                              = merge(var.tags, { Name = "${var.name}-model-events-dead-letters" })
}

resource "aws_sqs_queue" "model_events" {
  name                              = var.model_events_queue
  visibility_timeout_seconds        = var.event_visibility_s
  message_retention_seconds         = var.queue_retention_s
  max_message_size                  = local.largest_message_bytes
  sqs_managed_sse_enabled           = local.sse_sqs
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = local.key_reuse_s
  tags                              = merge(var.tags, { Name = "${var.name}-model-events" })
  depends_on                        = [aws_sqs_queue.model_events_dead_letters]

  redrive_policy = jsonencode({
    deadLetterTargetArn = local.model_events_dead_letters_arn
    maxReceiveCount     = local.redrive_after
  })
}

resource "aws_sqs_queue_policy" "model_events" {
  queue_url = aws_sqs_queue.model_events.url
  policy    = local.model_events_policy
}
