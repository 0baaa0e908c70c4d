mock_provider "aws" {}

variables {
  name                      = "sleap-rtc-test"
  account_id                = "123456789012"
  region                    = "eu-central-1"
  queue_names               = ["lab-upload-events", "lab-model-events"]
  dead_letter_queue_names   = ["lab-upload-events-dlq", "lab-model-events-dlq"]
  load_balancer_arn_suffix  = "app/sleap-rtc-test/0123456789abcdef"
  target_group_arn_suffixes = { api = "targetgroup/sleap-rtc-test-api/0123456789abcdef" }
  log_group_name            = "/sleap-rtc/sleap-rtc-test/service"
  uploads_bucket            = "lab-uploads"
  rooms_bucket              = "lab-rooms"
  notify_emails             = ["lab@example.org"]
  monthly_budget_usd        = 150
  anomaly_usd               = 20
  tags                      = { Deployment = "sleap-rtc-test" }
}

run "everything_that_breaks_is_told" {
  command = plan

  assert {
    condition = join(" ", output.alarm_names) == join(" ", [
      "sleap-rtc-test-age-lab-model-events", "sleap-rtc-test-age-lab-upload-events",
      "sleap-rtc-test-dead-letters-lab-model-events-dlq", "sleap-rtc-test-dead-letters-lab-upload-events-dlq",
      "sleap-rtc-test-depth-lab-model-events", "sleap-rtc-test-depth-lab-upload-events",
      "sleap-rtc-test-failures", "sleap-rtc-test-log-errors", "sleap-rtc-test-log-poison",
      "sleap-rtc-test-none-api", "sleap-rtc-test-s3-rooms", "sleap-rtc-test-s3-uploads", "sleap-rtc-test-unhealthy-api",
    ])
    error_message = "Failures, tasks, queues, dead letters, the log and S3."
  }
  assert {
    condition = alltrue([
      for alarm in concat(
        [for each in aws_cloudwatch_metric_alarm.queue : each], [for each in aws_cloudwatch_metric_alarm.log : each],
        [for each in aws_cloudwatch_metric_alarm.tasks : each], [for each in aws_cloudwatch_metric_alarm.s3 : each],
        [aws_cloudwatch_metric_alarm.failures]
      ) : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:sleap-rtc-test-alarms"]) && length(alarm.alarm_description) > 20
    ])
    error_message = "Each alarm tells somebody, and says what to do."
  }
  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.queue : alarm.threshold == 0 && alarm.metric_name == "ApproximateNumberOfMessagesVisible" if startswith(name, "dead-letters-")])
    error_message = "One dead letter is enough."
  }
  assert {
    condition     = anytrue([for query in aws_cloudwatch_metric_alarm.failures.metric_query : strcontains(coalesce(query.expression, "-"), "requests, 0) >= 20")])
    error_message = "A share of few requests is none."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.tasks["none-api"].treat_missing_data == "breaching"
    error_message = "Silence of the last task is an alarm."
  }
  assert {
    condition     = aws_cloudwatch_log_metric_filter.this["LogErrors"].log_group_name == "/sleap-rtc/sleap-rtc-test/service" && strcontains(aws_cloudwatch_log_metric_filter.this["LogErrors"].pattern, "$.level = \"error\"")
    error_message = "Errors are counted as the service writes them."
  }
}

run "the_topic_lets_in_who_has_to_speak" {
  command = plan

  assert {
    condition     = sort([for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement : statement.Principal.Service if statement.Effect == "Allow"]) == tolist(["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"])
    error_message = "CloudWatch, Budgets and Cost Anomaly Detection, and nobody else."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012" && (can(statement.Condition.ArnLike["aws:SourceArn"]) || can(statement.Condition.ArnLikeIfExists["aws:SourceArn"])) if statement.Effect == "Allow"])
    error_message = "Each only for this account."
  }
  assert {
    condition     = length([for statement in jsondecode(aws_kms_key.alarms.policy).Statement : statement if try(statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012" && contains(statement.Action, "kms:GenerateDataKey*"), false)]) == 3
    error_message = "Each can use the key, or what it says is lost."
  }
  assert {
    condition     = aws_kms_key.alarms.enable_key_rotation && keys(aws_sns_topic_subscription.email) == ["lab@example.org"]
    error_message = "The key is changed every year, and somebody hears."
  }
}

run "what_a_month_costs" {
  command = plan

  assert {
    condition     = aws_budgets_budget.month.limit_amount == "150" && aws_budgets_budget.month.limit_unit == "USD" && one(aws_budgets_budget.month.cost_filter).values[0] == "user:Deployment$sleap-rtc-test"
    error_message = "A budget of this environment alone."
  }
  assert {
    condition     = { for notification in aws_budgets_budget.month.notification : notification.notification_type => notification.threshold } == { ACTUAL = 80, FORECASTED = 100 }
    error_message = "Told at 80 percent spent and at 100 percent foreseen."
  }
  assert {
    condition     = jsondecode(aws_ce_anomaly_monitor.this.monitor_specification).Tags == { Key = "Deployment", MatchOptions = null, Values = ["sleap-rtc-test"] } && aws_ce_anomaly_subscription.this.frequency == "IMMEDIATE"
    error_message = "Anomalies of this environment, at once."
  }
  assert {
    condition     = length(aws_ce_cost_allocation_tag.this) == 0
    error_message = "The tag is activated once, by the payer."
  }
}

run "without_what_costs" {
  command = plan

  variables {
    s3_request_metrics = false
    activate_cost_tag  = true
  }

  assert {
    condition     = length(aws_s3_bucket_metric.this) == 0 && length(aws_cloudwatch_metric_alarm.s3) == 0 && aws_ce_cost_allocation_tag.this[0].status == "Active"
    error_message = "S3 need not count, and the tag can be activated."
  }
}

run "tags_that_tell_nothing_apart" {
  command = plan

  variables {
    tags = { Deployment = "another" }
  }

  expect_failures = [var.cost_tag_key]
}

run "nobody_to_tell" {
  command = plan

  variables {
    notify_emails = []
  }

  expect_failures = [var.notify_emails]
}

run "values_that_cannot_be" {
  command = plan

  variables {
    account_id              = "1234"
    region                  = "Frankfurt"
    partition               = "gcp"
    queue_names             = ["https://sqs.eu-central-1.amazonaws.com/123456789012/lab-upload-events"]
    dead_letter_queue_names = []
    uploads_bucket          = "Lab"
    rooms_bucket            = "sthree-rooms"
    notify_emails           = ["lab at example.org"]
    monthly_budget_usd      = 0
    anomaly_usd             = -5
    max_error_percent       = 100
    min_requests            = 0
    max_log_errors          = 0
    max_message_age_s       = 999999
    max_messages            = 0
  }

  expect_failures = [
    var.account_id, var.region, var.partition, var.queue_names, var.dead_letter_queue_names, var.uploads_bucket, var.rooms_bucket,
    var.notify_emails, var.monthly_budget_usd, var.anomaly_usd, var.max_error_percent, var.min_requests, var.max_log_errors,
    var.max_message_age_s, var.max_messages,
  ]
}
