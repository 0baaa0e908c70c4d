# The topic of room notifications: the service publishes, and each of its instances hangs its own queue on it. What
# a role of this account may do, its own policy says; this one only takes away, and lets no other account in.
locals {
  room_events_arn = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${var.room_events_topic}"

  room_events_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyQueuesOfInstances"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Subscribe"
        Resource  = local.room_events_arn
        Condition = { StringNotLike = { "sns:Endpoint" = "${local.queues_arn}:${var.room_events_topic}-*" } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sns:Publish", "sns:Subscribe"]
        Resource  = local.room_events_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic" "room_events" {
  name              = var.room_events_topic
  kms_master_key_id = var.kms_key_arn
  tags              = merge(var.tags, { Name = "${var.name}-room-events" })
}

resource "aws_sns_topic_policy" "room_events" {
  arn    = aws_sns_topic.room_events.arn
  policy = local.room_events_policy
}
