mock_provider "aws" {}

variables {
  account_id = "123456789012"
  region     = "us-west-2"
}

run "keeps_every_state_encrypted_and_to_itself" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "sleap-rtc-state-123456789012-us-west-2"
    error_message = "infra/deploy.py looks for the bucket under this name."
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "A state that was written over has to come back."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.state.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm]) == "AES256"
    error_message = "The state has secrets in it, so it is encrypted."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "Nobody outside of the account sees the state."
  }

  assert {
    condition     = jsondecode(local.policy).Statement[0].Effect == "Deny" && jsondecode(local.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "Nobody gets at the state without TLS."
  }
}

run "takes_no_account_with_a_dash" {
  command = plan

  variables {
    account_id = "1234-5678-9012"
  }

  expect_failures = [var.account_id]
}
