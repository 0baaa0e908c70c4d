# A key that S3 can use when it sends events to an encrypted queue, which it cannot with the AWS managed one.
locals {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without it nobody could ever change the key. What a role may do with it, its own policy says.
        Sid       = "RolesOfThisAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "EventsOfTheBuckets"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnEquals    = { "aws:SourceArn" = [for bucket in var.buckets : "arn:${var.partition}:s3:::${bucket}"] }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
      },
    ]
  })
}

resource "aws_kms_key" "this" {
  description             = "What ${var.name} keeps in buckets, queues and topic"
  policy                  = local.policy
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_days
  tags                    = merge(var.tags, { Name = var.name })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
