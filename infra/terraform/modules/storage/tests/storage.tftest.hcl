mock_provider "aws" {}

variables {
  name              = "sleap-rtc-test"
  account_id        = "123456789012"
  region            = "us-west-2"
  uploads_bucket    = "lab-uploads"
  rooms_bucket      = "lab-rooms"
  logs_bucket       = "lab-logs"
  cors_origins      = ["https://app.example.org"]
  trusted_role_arns = ["arn:aws:iam::123456789012:role/sleap-rtc-test-service"]
}

run "makes_buckets_that_nobody_comes_into_but_by_url" {
  command = plan

  assert {
    condition     = [aws_s3_bucket.uploads.bucket, aws_s3_bucket.rooms.bucket, aws_s3_bucket.logs.bucket] == ["lab-uploads", "lab-rooms", "lab-logs"]
    error_message = "the buckets are not called as asked"
  }

  assert {
    condition     = !anytrue([aws_s3_bucket.uploads.force_destroy, aws_s3_bucket.rooms.force_destroy, aws_s3_bucket.logs.force_destroy])
    error_message = "an environment could be destroyed with its data without anybody asking for that"
  }

  assert {
    condition = alltrue([
      for block in [aws_s3_bucket_public_access_block.uploads, aws_s3_bucket_public_access_block.rooms, aws_s3_bucket_public_access_block.logs] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "a bucket could be made public"
  }

  assert {
    condition = alltrue([
      for controls in [aws_s3_bucket_ownership_controls.uploads, aws_s3_bucket_ownership_controls.rooms, aws_s3_bucket_ownership_controls.logs] :
      controls.rule[0].object_ownership == "BucketOwnerEnforced"
    ])
    error_message = "an object could be somebody else's"
  }

  assert {
    condition = alltrue(flatten([
      for pair in [
        { arn = "arn:aws:s3:::lab-uploads", policy = aws_s3_bucket_policy.uploads.policy },
        { arn = "arn:aws:s3:::lab-rooms", policy = aws_s3_bucket_policy.rooms.policy },
        { arn = "arn:aws:s3:::lab-logs", policy = aws_s3_bucket_policy.logs.policy },
        ] : [
        for condition in [{ Bool = { "aws:SecureTransport" = "false" } }, { NumericLessThan = { "s3:TlsVersion" = "1.2" } }] :
        anytrue([
          for statement in jsondecode(pair.policy).Statement :
          statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" &&
          toset(flatten([statement.Resource])) == toset([pair.arn, "${pair.arn}/*"]) && jsonencode(statement.Condition) == jsonencode(condition)
        ])
      ]
    ]))
    error_message = "a bucket takes requests without TLS, or with an old one"
  }

  assert {
    condition = alltrue([
      for pair in [
        { arn = "arn:aws:s3:::lab-uploads", policy = aws_s3_bucket_policy.uploads.policy },
        { arn = "arn:aws:s3:::lab-rooms", policy = aws_s3_bucket_policy.rooms.policy },
        ] : anytrue([
          for statement in jsondecode(pair.policy).Statement :
          statement.Effect == "Deny" && statement.Action == "s3:*" && jsonencode(statement.Resource) == jsonencode("${pair.arn}/*") &&
          jsonencode(statement.Condition) == jsonencode({
            StringNotEquals = { "s3:authType" = "REST-QUERY-STRING" }
            ArnNotEquals    = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/sleap-rtc-test-service"] }
          })
      ])
    ])
    error_message = "somebody who is not trusted can use objects without a URL"
  }

  assert {
    condition = alltrue([
      for policy in [aws_s3_bucket_policy.uploads.policy, aws_s3_bucket_policy.rooms.policy] : anytrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && jsonencode(statement.Condition) == jsonencode({ NumericGreaterThan = { "s3:signatureAge" = 3900000 } })
      ])
    ])
    error_message = "a URL may be older than 3900 s, in milliseconds"
  }

  assert {
    condition     = alltrue([for policy in [aws_s3_bucket_policy.uploads.policy, aws_s3_bucket_policy.rooms.policy] : alltrue([for statement in jsondecode(policy).Statement : statement.Effect == "Deny"])])
    error_message = "a bucket policy gives access: only IAM may, so that there is one place to look at"
  }
}

run "keeps_access_logs" {
  command = plan

  assert {
    condition     = [aws_s3_bucket_logging.uploads.target_prefix, aws_s3_bucket_logging.rooms.target_prefix] == ["uploads/", "rooms/"]
    error_message = "the accesses are not logged, or the two buckets' logs are mixed"
  }

  assert {
    condition = jsonencode([for statement in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : statement if statement.Effect == "Allow"]) == jsonencode([
      {
        Sid       = "AccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = ["arn:aws:s3:::lab-logs/uploads/*", "arn:aws:s3:::lab-logs/rooms/*"]
        Condition = {
          ArnEquals    = { "aws:SourceArn" = ["arn:aws:s3:::lab-uploads", "arn:aws:s3:::lab-rooms"] }
          StringEquals = { "aws:SourceAccount" = "123456789012" }
        }
      },
      {
        Sid       = "LoadBalancerLogs"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::lab-logs/load-balancer/AWSLogs/123456789012/*"
        Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/*" } }
      },
    ])
    error_message = "the logs of the buckets or of the load balancer cannot be written, or somebody else may write them"
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.logs.rule : rule.expiration[0].days if rule.id == "expire-logs"]) == 90
    error_message = "logs pile up"
  }
}

run "encrypts_with_the_stores_own_key" {
  command = plan

  assert {
    condition = alltrue([
      for config in [aws_s3_bucket_server_side_encryption_configuration.uploads, aws_s3_bucket_server_side_encryption_configuration.rooms, aws_s3_bucket_server_side_encryption_configuration.logs] :
      one(config.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    ])
    error_message = "a bucket is not encrypted"
  }
}

run "encrypts_with_a_customer_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = alltrue([
      for config in [aws_s3_bucket_server_side_encryption_configuration.uploads, aws_s3_bucket_server_side_encryption_configuration.rooms] :
      one(config.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      one(config.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn &&
      one(config.rule).bucket_key_enabled
    ])
    error_message = "a bucket does not use the customer key"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.logs.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "S3 delivers no access logs to a bucket with a key of KMS"
  }
}

run "frees_the_bytes_of_datasets" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.uploads.versioning_configuration[0].status == "Enabled"
    error_message = "the uploads bucket is not versioned"
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule :
      rule.status == "Enabled" && rule.filter[0].prefix == "uploads/" && rule.expiration[0].days == 30 && rule.noncurrent_version_expiration[0].noncurrent_days == 1
      if rule.id == "expire-datasets"
    ])
    error_message = "datasets do not go after 30 days, or go on costing as older versions"
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule :
      rule.status == "Enabled" && rule.filter[0].prefix == "" && rule.expiration[0].expired_object_delete_marker && length(rule.noncurrent_version_expiration) == 0
      if rule.id == "remove-delete-markers"
    ])
    error_message = "delete markers stay for ever"
  }

  assert {
    condition = alltrue([
      for rules in [aws_s3_bucket_lifecycle_configuration.uploads.rule, aws_s3_bucket_lifecycle_configuration.rooms.rule] : one([
        for rule in rules :
        rule.status == "Enabled" && rule.filter[0].prefix == "" && rule.abort_incomplete_multipart_upload[0].days_after_initiation == 7 && length(rule.expiration) == 0
        if rule.id == "abort-incomplete-uploads"
      ])
    ])
    error_message = "parts of uploads that nobody goes on with stay for ever, or go too early"
  }
}

run "keeps_rooms_for_ever" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.rooms.versioning_configuration[0].status == "Enabled"
    error_message = "the rooms bucket is not versioned"
  }

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.rooms.rule : rule.id => rule.filter[0].prefix if length(rule.expiration) > 0 } == {
      expire-receipts       = ".receipts/"
      expire-quota-marks    = ".quotas/"
      remove-delete-markers = ""
    }
    error_message = "something of a room would expire"
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.rooms.rule : rule.expiration[0].expired_object_delete_marker if rule.id == "remove-delete-markers"])
    error_message = "the rule for delete markers takes what is no delete marker, or nothing"
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.rooms.rule : rule.noncurrent_version_expiration[0].noncurrent_days if rule.id == "expire-replaced"]) == 7
    error_message = "what was replaced or deleted cannot be had back for a week, or is paid for ever"
  }
}

run "lets_the_asked_web_pages_upload" {
  command = plan

  assert {
    condition     = tolist(aws_s3_bucket_cors_configuration.uploads[0].cors_rule)[0].allowed_origins == toset(["https://app.example.org"])
    error_message = "the page may not upload"
  }

  assert {
    condition     = contains(tolist(aws_s3_bucket_cors_configuration.uploads[0].cors_rule)[0].expose_headers, "etag")
    error_message = "a page cannot read the ETag of a part"
  }
}

run "lets_no_web_page_upload_by_default" {
  command = plan

  variables {
    cors_origins = []
  }

  assert {
    condition     = length(aws_s3_bucket_cors_configuration.uploads) == 0
    error_message = "there is a CORS rule that nobody asked for"
  }
}

run "keeps_a_dataset_for_no_longer_than_its_jobs_need_it" {
  command = plan

  variables {
    dataset_days  = 17
    longest_job_s = 86400
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule : rule.expiration[0].days if rule.id == "expire-datasets"]) == 17
    error_message = "12 days in which jobs are taken, 4 of waiting and 1 of the job are covered by 17"
  }
}
