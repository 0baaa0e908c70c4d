# Who is told, and by whom. CloudWatch, Budgets and Cost Anomaly Detection cannot use the AWS managed key of SNS, and
# what they say would be lost without a word; so the topic has a key of its own.
locals {
  topic_name = "${var.name}-alarms"
  topic_arn  = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${local.topic_name}"

  # Which of their own things each may speak of. Cost Anomaly Detection is not said to name its own.
  speakers = {
    Alarms = {
      service = "cloudwatch.amazonaws.com"
      source  = { ArnLike = { "aws:SourceArn" = "arn:${var.partition}:cloudwatch:${var.region}:${var.account_id}:alarm:${var.name}-*" } }
    }
    Budget = {
      service = "budgets.amazonaws.com"
      source  = { ArnLike = { "aws:SourceArn" = "arn:${var.partition}:budgets::${var.account_id}:*" } }
    }
    Anomalies = {
      service = "costalerts.amazonaws.com"
      source  = { ArnLikeIfExists = { "aws:SourceArn" = "arn:${var.partition}:ce::${var.account_id}:*" } }
    }
  }

  topic_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for sid, speaker in local.speakers : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = speaker.service }
          Action    = "sns:Publish"
          Resource  = local.topic_arn
          Condition = merge(speaker.source, { StringEquals = { "aws:SourceAccount" = var.account_id } })
        }
      ],
      [
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = local.topic_arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
    )
  })

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # Without it nobody could ever change the key. What a role may do with it, its own policy says.
          Sid       = "RolesOfThisAccount"
          Effect    = "Allow"
          Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
          Action    = "kms:*"
          Resource  = "*"
        },
      ],
      [
        for sid, speaker in local.speakers : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = speaker.service }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
          Resource  = "*"
          Condition = merge(speaker.source, { StringEquals = { "aws:SourceAccount" = var.account_id } })
        }
      ],
    )
  })
}

resource "aws_kms_key" "alarms" {
  description             = "What the alarms of ${var.name} say"
  policy                  = local.key_policy
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = merge(var.tags, { Name = local.topic_name })
}

resource "aws_sns_topic" "alarms" {
  name              = local.topic_name
  kms_master_key_id = aws_kms_key.alarms.arn
  tags              = merge(var.tags, { Name = local.topic_name })
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = local.topic_policy
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.notify_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}
