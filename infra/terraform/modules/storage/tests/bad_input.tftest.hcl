# Each input that would end in a half-made or a broken environment is refused before anything is made.
mock_provider "aws" {}

variables {
  name              = "sleap-rtc-test"
  account_id        = "123456789012"
  region            = "us-west-2"
  uploads_bucket    = "lab-uploads"
  rooms_bucket      = "lab-rooms"
  logs_bucket       = "lab-logs"
  trusted_role_arns = ["arn:aws:iam::123456789012:role/sleap-rtc-test-service"]
}

run "refuses_buckets_with_capitals" {
  command = plan

  variables {
    uploads_bucket = "Lab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_an_underscore" {
  command = plan

  variables {
    uploads_bucket = "lab_uploads"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_a_dot" {
  command = plan

  variables {
    uploads_bucket = "lab.uploads"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_that_start_with_a_dash" {
  command = plan

  variables {
    uploads_bucket = "-lab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_that_end_with_a_dash" {
  command = plan

  variables {
    uploads_bucket = "lab-"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_of_two_letters" {
  command = plan

  variables {
    uploads_bucket = "ab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_of_64_letters" {
  command = plan

  variables {
    uploads_bucket = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_a_prefix_of_s3" {
  command = plan

  variables {
    uploads_bucket = "xn--lab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_the_prefix_of_tables" {
  command = plan

  variables {
    uploads_bucket = "sthree-lab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_a_suffix_of_s3" {
  command = plan

  variables {
    uploads_bucket = "lab-s3alias"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_buckets_with_the_suffix_of_directories" {
  command = plan

  variables {
    uploads_bucket = "lab--x-s3"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_rooms_with_a_bad_name" {
  command = plan

  variables {
    rooms_bucket = "Lab"
  }

  expect_failures = [var.rooms_bucket]
}

run "refuses_logs_with_a_bad_name" {
  command = plan

  variables {
    logs_bucket = "Lab"
  }

  expect_failures = [var.logs_bucket]
}

run "refuses_rooms_among_datasets" {
  command = plan

  variables {
    rooms_bucket = "lab-uploads"
  }

  expect_failures = [var.rooms_bucket]
}

run "refuses_logs_that_log_themselves" {
  command = plan

  variables {
    logs_bucket = "lab-rooms"
  }

  expect_failures = [var.logs_bucket]
}

run "refuses_an_account_of_eleven_digits" {
  command = plan

  variables {
    account_id = "12345678901"
  }

  expect_failures = [var.account_id]
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
    region = "cn-north-1"
  }

  expect_failures = [var.partition]
}

run "refuses_too_little_of_everything" {
  command = plan

  variables {
    name                  = "Sleap"
    tags                  = { "aws:x" = "y" }
    cors_origins          = ["http://app.example.org"]
    resume_days           = 0
    queue_retention_s     = 345599
    longest_job_s         = 60
    log_days              = 7
    signature_age_limit_s = 3600
    trusted_role_arns     = []
    kms_key_arn           = "alias/aws/s3"
  }

  expect_failures = [var.name, var.tags, var.cors_origins, var.resume_days, var.queue_retention_s, var.longest_job_s, var.log_days, var.signature_age_limit_s, var.trusted_role_arns, var.kms_key_arn]
}

run "refuses_too_much_of_everything" {
  command = plan

  variables {
    name                  = "sleap-rtc-of-a-lab-with-a-very-long-name"
    cors_origins          = ["https://*"]
    resume_days           = 366
    queue_retention_s     = 1209601
    longest_job_s         = 3600.5
    log_days              = 3651
    signature_age_limit_s = 604801
    trusted_role_arns     = ["*"]
    kms_key_arn           = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.name, var.cors_origins, var.resume_days, var.queue_retention_s, var.longest_job_s, var.log_days, var.signature_age_limit_s, var.trusted_role_arns, var.kms_key_arn]
}

run "refuses_what_is_of_another_account" {
  command = plan

  variables {
    trusted_role_arns = ["arn:aws:iam::210987654321:role/service"]
    kms_key_arn       = "arn:aws:kms:us-west-2:210987654321:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.trusted_role_arns, var.kms_key_arn]
}

run "refuses_a_user_trusted_and_a_path_as_origin" {
  command = plan

  variables {
    trusted_role_arns = ["arn:aws:iam::123456789012:user/jane"]
    cors_origins      = ["https://app.example.org/x"]
  }

  expect_failures = [var.trusted_role_arns, var.cors_origins]
}

run "refuses_all_roles_trusted" {
  command = plan

  variables {
    trusted_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.trusted_role_arns]
}

run "refuses_datasets_that_go_after_a_day" {
  command = plan

  variables {
    dataset_days = 1
  }

  expect_failures = [var.dataset_days]
}

run "refuses_a_day_less_than_jobs_need" {
  command = plan

  variables {
    dataset_days = 29
  }

  expect_failures = [var.dataset_days]
}

run "refuses_a_day_less_than_long_uploads_need" {
  command = plan

  variables {
    dataset_days = 32
    resume_days  = 15
  }

  expect_failures = [var.dataset_days]
}

run "refuses_datasets_that_go_before_a_longer_queue" {
  command = plan

  variables {
    queue_retention_s = 1209600
  }

  expect_failures = [var.dataset_days]
}

run "refuses_half_days_for_datasets" {
  command = plan

  variables {
    dataset_days = 30.5
  }

  expect_failures = [var.dataset_days]
}

run "refuses_datasets_for_ever" {
  command = plan

  variables {
    dataset_days = 3651
  }

  expect_failures = [var.dataset_days]
}
