mock_provider "aws" {}

variables {
  name       = "sleap-rtc-test"
  account_id = "123456789012"
  region     = "us-west-2"
  buckets    = ["lab-uploads", "lab-rooms"]
}

run "lets_s3_use_the_key_for_events_of_these_buckets" {
  command = plan

  assert {
    condition = jsonencode([for statement in jsondecode(aws_kms_key.this.policy).Statement : statement if contains(keys(statement.Principal), "Service")]) == jsonencode([{
      Sid       = "EventsOfTheBuckets"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = ["arn:aws:s3:::lab-uploads", "arn:aws:s3:::lab-rooms"] }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }])
    error_message = "S3 cannot encrypt what it sends to the queues, or somebody else's S3 can"
  }

  assert {
    condition     = one([for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal.AWS if contains(keys(statement.Principal), "AWS")]) == "arn:aws:iam::123456789012:root"
    error_message = "nobody of the account can manage the key, or somebody else can"
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key is not rotated, or a deleted one is gone too early"
  }

  assert {
    condition     = output.alias == "alias/sleap-rtc-test"
    error_message = "the key is not called as the environment"
  }
}

run "refuses_too_little" {
  command = plan

  variables {
    buckets       = []
    deletion_days = 1
    name          = "Sleap"
    tags          = { "AWS:x" = "y" }
  }

  expect_failures = [var.buckets, var.deletion_days, var.name, var.tags]
}

run "refuses_all_buckets_and_an_account_of_eleven_digits" {
  command = plan

  variables {
    buckets    = ["*"]
    account_id = "12345678901"
  }

  expect_failures = [var.buckets, var.account_id]
}

run "refuses_a_zone_as_region" {
  command = plan

  variables {
    region = "us-west-2a"
  }

  expect_failures = [var.region]
}

run "refuses_a_region_of_another_partition" {
  command = plan

  variables {
    region = "us-gov-west-1"
  }

  expect_failures = [var.partition]
}
