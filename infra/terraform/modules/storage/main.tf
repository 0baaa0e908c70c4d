# What both buckets have in common: who may come in, and how.
locals {
  uploads_arn = "arn:${var.partition}:s3:::${var.uploads_bucket}"
  rooms_arn   = "arn:${var.partition}:s3:::${var.rooms_bucket}"
  logs_arn    = "arn:${var.partition}:s3:::${var.logs_bucket}"

  encryption = var.kms_key_arn == null ? "AES256" : "aws:kms"

  tls_only = {
    for bucket, arn in { uploads = local.uploads_arn, rooms = local.rooms_arn, logs = local.logs_arn } : bucket => [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NoOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  }

  # Everybody comes with a URL that the service has signed, but for those who sign them and workers with a role.
  # Their requests count as the signer's, so IAM decides what a URL can do; these statements only take away.
  policies = {
    for bucket, arn in { uploads = local.uploads_arn, rooms = local.rooms_arn } : bucket => jsonencode({
      Version = "2012-10-17"
      Statement = concat(local.tls_only[bucket], [
        {
          Sid       = "OnlyPresigned"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = "${arn}/*"
          Condition = {
            StringNotEquals = { "s3:authType" = "REST-QUERY-STRING" }
            ArnNotEquals    = { "aws:PrincipalArn" = var.trusted_role_arns }
          }
        },
        {
          # S3 knows the age of a presigned URL alone, in milliseconds; signed headers have none.
          Sid       = "NoOldUrls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = "${arn}/*"
          Condition = { NumericGreaterThan = { "s3:signatureAge" = var.signature_age_limit_s * 1000 } }
        },
      ])
    })
  }
}
