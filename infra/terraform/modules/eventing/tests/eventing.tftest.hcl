mock_provider "aws" {}

variables {
  name           = "sleap-rtc-test"
  account_id     = "123456789012"
  region         = "us-west-2"
  uploads_bucket = "lab-uploads"
  rooms_bucket   = "lab-rooms"
}

run "makes_queues_that_lose_nothing" {
  command = plan

  assert {
    condition     = [aws_sqs_queue.upload_events.name, aws_sqs_queue.model_events.name] == ["sleap-rtc-upload-events", "sleap-rtc-model-events"]
    error_message = "the queues are not called as the settings' defaults"
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.upload_events, aws_sqs_queue.model_events] :
      queue.visibility_timeout_seconds == 60 && queue.message_retention_seconds == 345600 && queue.max_message_size == 262144
    ])
    error_message = "an event is hidden, kept or cut otherwise than it should be"
  }

  assert {
    condition = alltrue([
      for pair in [
        { queue = aws_sqs_queue.upload_events, letters = aws_sqs_queue.upload_events_dead_letters },
        { queue = aws_sqs_queue.model_events, letters = aws_sqs_queue.model_events_dead_letters },
        ] : (
        pair.letters.name == "${pair.queue.name}-dlq" && pair.letters.message_retention_seconds == 1209600 && pair.letters.max_message_size == 1048576 &&
        jsonencode(jsondecode(pair.queue.redrive_policy)) == jsonencode({
          deadLetterTargetArn = "arn:aws:sqs:us-west-2:123456789012:${pair.letters.name}"
          maxReceiveCount     = 1000
        })
      )
    ])
    error_message = "what cannot be worked on does not end among the dead letters"
  }

  assert {
    condition     = output.dead_letter_queue_names == ["sleap-rtc-upload-events-dlq", "sleap-rtc-model-events-dlq"]
    error_message = "the alarms do not hear of all dead letters"
  }

  assert {
    condition     = output.job_queue_arn_pattern == "arn:aws:sqs:us-west-2:123456789012:sleap-rtc-jobs-*"
    error_message = "the pattern of job queues covers too much or too little"
  }
}

run "lets_the_bucket_send_and_nobody_else" {
  command = plan

  assert {
    condition = alltrue([
      for pair in [
        { policy = aws_sqs_queue_policy.upload_events.policy, queue = "sleap-rtc-upload-events", bucket = "lab-uploads" },
        { policy = aws_sqs_queue_policy.model_events.policy, queue = "sleap-rtc-model-events", bucket = "lab-rooms" },
        ] : jsonencode(jsondecode(pair.policy).Statement) == jsonencode([
          {
            Sid       = "EventsOfTheBucket"
            Effect    = "Allow"
            Principal = { Service = "s3.amazonaws.com" }
            Action    = "sqs:SendMessage"
            Resource  = "arn:aws:sqs:us-west-2:123456789012:${pair.queue}"
            Condition = {
              ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::${pair.bucket}" }
              StringEquals = { "aws:SourceAccount" = "123456789012" }
            }
          },
          {
            Sid       = "TlsOnly"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sqs:*"
            Resource  = "arn:aws:sqs:us-west-2:123456789012:${pair.queue}"
            Condition = { Bool = { "aws:SecureTransport" = "false" } }
          },
      ])
    ])
    error_message = "the wrong bucket may send, or the right one may not"
  }
}

run "tells_of_datasets_and_models_alone" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_notification.uploads.bucket == "lab-uploads" && length(aws_s3_bucket_notification.uploads.queue) == 1 &&
      aws_s3_bucket_notification.uploads.queue[0].queue_arn == "arn:aws:sqs:us-west-2:123456789012:sleap-rtc-upload-events" &&
      aws_s3_bucket_notification.uploads.queue[0].filter_prefix == "uploads/" &&
      aws_s3_bucket_notification.uploads.queue[0].events == toset(["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"])
    )
    error_message = "datasets are not announced, or something else is"
  }

  assert {
    condition = (
      aws_s3_bucket_notification.rooms.bucket == "lab-rooms" && length(aws_s3_bucket_notification.rooms.queue) == 1 &&
      aws_s3_bucket_notification.rooms.queue[0].queue_arn == "arn:aws:sqs:us-west-2:123456789012:sleap-rtc-model-events" &&
      aws_s3_bucket_notification.rooms.queue[0].filter_suffix == "/model.json" &&
      aws_s3_bucket_notification.rooms.queue[0].events == toset(["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"])
    )
    error_message = "models are not announced, or something else is: the service writes to this bucket itself, and would wake itself for ever"
  }
}

run "guards_the_topic" {
  command = plan

  assert {
    condition     = aws_sns_topic.room_events.name == "sleap-rtc-room-events" && output.room_events_topic_arn == "arn:aws:sns:us-west-2:123456789012:sleap-rtc-room-events"
    error_message = "the topic is not called as the setting's default"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_sns_topic_policy.room_events.policy).Statement :
      statement.Resource == "arn:aws:sns:us-west-2:123456789012:sleap-rtc-room-events" && statement.Effect == "Deny"
    ])
    error_message = "the topic lets somebody in without a policy of his own, such as another account"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_sns_topic_policy.room_events.policy).Statement :
      statement.Effect == "Deny" && jsonencode(statement.Action) == jsonencode("sns:Subscribe") &&
      jsonencode(statement.Condition) == jsonencode({ StringNotLike = { "sns:Endpoint" = "arn:aws:sqs:us-west-2:123456789012:sleap-rtc-room-events-*" } })
    ])
    error_message = "what goes on in rooms may be sent anywhere"
  }
}

run "encrypts_without_a_key" {
  command = plan

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.upload_events, aws_sqs_queue.upload_events_dead_letters, aws_sqs_queue.model_events, aws_sqs_queue.model_events_dead_letters] :
      queue.sqs_managed_sse_enabled
    ])
    error_message = "a queue is not encrypted by SQS itself"
  }
}

run "encrypts_with_a_customer_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.upload_events, aws_sqs_queue.upload_events_dead_letters, aws_sqs_queue.model_events, aws_sqs_queue.model_events_dead_letters] :
      queue.kms_master_key_id == var.kms_key_arn
    ])
    error_message = "a queue does not use the customer key"
  }

  assert {
    condition     = aws_sns_topic.room_events.kms_master_key_id == var.kms_key_arn
    error_message = "the topic does not use the customer key"
  }
}
