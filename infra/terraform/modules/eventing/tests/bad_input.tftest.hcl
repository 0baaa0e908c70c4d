# Each input that would deploy green and carry no event is refused before anything is made.
mock_provider "aws" {}

variables {
  name           = "sleap-rtc-test"
  account_id     = "123456789012"
  region         = "us-west-2"
  uploads_bucket = "lab-uploads"
  rooms_bucket   = "lab-rooms"
}

run "refuses_an_uploads_bucket_with_a_bad_name" {
  command = plan

  variables {
    uploads_bucket = "Lab"
  }

  expect_failures = [var.uploads_bucket]
}

run "refuses_a_rooms_bucket_with_a_bad_name" {
  command = plan

  variables {
    rooms_bucket = "lab_rooms"
  }

  expect_failures = [var.rooms_bucket]
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
    region = "us-gov-west-1"
  }

  expect_failures = [var.partition]
}

run "refuses_one_bucket_and_one_queue_for_both" {
  command = plan

  variables {
    rooms_bucket       = "lab-uploads"
    model_events_queue = "sleap-rtc-upload-events"
  }

  expect_failures = [var.rooms_bucket, var.model_events_queue]
}

run "refuses_a_fifo_queue" {
  command = plan

  variables {
    upload_events_queue = "uploads.fifo"
  }

  expect_failures = [var.upload_events_queue]
}

run "refuses_other_fifo_names" {
  command = plan

  variables {
    model_events_queue = "models.fifo"
    room_events_topic  = "rooms.fifo"
  }

  expect_failures = [var.model_events_queue, var.room_events_topic]
}

run "refuses_names_without_room_for_what_follows" {
  command = plan

  variables {
    model_events_queue = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    room_events_topic  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.model_events_queue, var.room_events_topic]
}

run "refuses_a_prefix_without_room_for_rooms" {
  command = plan

  variables {
    job_queue_prefix = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.job_queue_prefix]
}

run "refuses_event_queues_among_job_queues" {
  command = plan

  variables {
    job_queue_prefix = "sleap-rtc"
  }

  expect_failures = [var.job_queue_prefix]
}

run "refuses_too_little" {
  command = plan

  variables {
    name               = "Sleap"
    tags               = { "AWS:x" = "y" }
    event_visibility_s = 0
    queue_retention_s  = 3600
    kms_key_arn        = "alias/aws/sqs"
  }

  expect_failures = [var.name, var.tags, var.event_visibility_s, var.queue_retention_s, var.kms_key_arn]
}

run "refuses_too_much" {
  command = plan

  variables {
    event_visibility_s = 43201
    queue_retention_s  = 1209601
    kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.event_visibility_s, var.queue_retention_s, var.kms_key_arn]
}

run "refuses_letters_that_go_at_once_and_an_alias_by_its_arn" {
  command = plan

  variables {
    dead_letter_retention_s = 345600
    kms_key_arn             = "arn:aws:kms:us-west-2:123456789012:alias/aws/sqs"
  }

  expect_failures = [var.dead_letter_retention_s, var.kms_key_arn]
}

run "refuses_letters_that_sqs_does_not_keep" {
  command = plan

  variables {
    dead_letter_retention_s = 1209601
  }

  expect_failures = [var.dead_letter_retention_s]
}
