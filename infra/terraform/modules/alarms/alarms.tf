# Few alarms, each with one thing to do about it, which its description says.
locals {
  five_minutes = 300

  queue_alarms = merge(
    {
      for queue in var.queue_names : "age-${queue}" => {
        text      = "The oldest message of ${queue} is too old: nobody takes them. Look at the service's log and tasks."
        metric    = "ApproximateAgeOfOldestMessage"
        threshold = var.max_message_age_s
        queue     = queue
        minutes   = 15
      }
    },
    {
      for queue in var.queue_names : "depth-${queue}" => {
        text      = "More wait in ${queue} than are taken. Raise max_count, or look why each takes so long."
        metric    = "ApproximateNumberOfMessagesVisible"
        threshold = var.max_messages
        queue     = queue
        minutes   = 15
      }
    },
    {
      for queue in var.dead_letter_queue_names : "dead-letters-${queue}" => {
        text      = "Something was given up: `sleap-rtc events dlq ls` says why, `sleap-rtc events dlq redrive` sends it back."
        metric    = "ApproximateNumberOfMessagesVisible"
        threshold = 0
        queue     = queue
        minutes   = 5
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = local.queue_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = local.five_minutes
  evaluation_periods  = each.value.minutes / 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  # An empty queue that nobody asks says nothing after six hours.
  treat_missing_data = "notBreaching"
  alarm_actions      = [local.topic_arn]
  ok_actions         = [local.topic_arn]
  tags               = merge(var.tags, { Name = "${var.name}-${each.key}" })
  depends_on         = [aws_sns_topic_policy.alarms]
}

resource "aws_cloudwatch_metric_alarm" "log" {
  for_each = {
    errors = { metric = "LogErrors", threshold = var.max_log_errors, text = "The service's log has errors: filter it by level = error." }
    poison = { metric = "PoisonMessages", threshold = 0, text = "The service gave a message up: `sleap-rtc events dlq ls` says why." }
  }

  alarm_name          = "${var.name}-log-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.namespace
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = local.five_minutes
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  tags                = merge(var.tags, { Name = "${var.name}-log-${each.key}" })
  depends_on          = [aws_sns_topic_policy.alarms]
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${var.name}-failures"
  alarm_description   = "Too many requests end with 5xx. Look at the service's log, and at S3 and SQS in the region."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.max_error_percent
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  tags                = merge(var.tags, { Name = "${var.name}-failures" })
  depends_on          = [aws_sns_topic_policy.alarms]

  # Of few requests one that failed is a large share, and a lab makes few.
  metric_query {
    id          = "share"
    label       = "5xx answers in percent"
    expression  = "IF(FILL(requests, 0) >= ${var.min_requests}, 100 * (FILL(tasks, 0) + FILL(balancer, 0)) / requests, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      requests = "RequestCount"
      tasks    = "HTTPCode_Target_5XX_Count"
      balancer = "HTTPCode_ELB_5XX_Count"
    }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        stat        = "Sum"
        period      = local.five_minutes
        dimensions  = { LoadBalancer = var.load_balancer_arn_suffix }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "tasks" {
  for_each = merge([
    for group in sort(keys(var.target_group_arn_suffixes)) : {
      "unhealthy-${group}" = {
        group = group, metric = "UnHealthyHostCount", statistic = "Minimum", operator = "GreaterThanThreshold", threshold = 0, missing = "notBreaching"
        text  = "A task of ${group} has not been ready for five minutes: /readyz of it says why, and its log."
      }
      "none-${group}" = {
        group = group, metric = "HealthyHostCount", statistic = "Maximum", operator = "LessThanThreshold", threshold = 1, missing = "breaching"
        text  = "No task of ${group} is ready, so nobody is served. Look at the events of the ECS service."
      }
    }
  ]...)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = "AWS/ApplicationELB"
  metric_name         = each.value.metric
  dimensions          = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = var.target_group_arn_suffixes[each.value.group] }
  statistic           = each.value.statistic
  period              = local.five_minutes
  evaluation_periods  = 1
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
  depends_on          = [aws_sns_topic_policy.alarms]
}

resource "aws_cloudwatch_metric_alarm" "s3" {
  for_each = local.counted_buckets

  alarm_name          = "${var.name}-s3-${each.key}"
  alarm_description   = "S3 answers requests for ${each.value} with 5xx. Clients and workers try again; look at the AWS Health Dashboard."
  namespace           = "AWS/S3"
  metric_name         = "5xxErrors"
  dimensions          = { BucketName = each.value, FilterId = aws_s3_bucket_metric.this[each.key].name }
  statistic           = "Sum"
  period              = local.five_minutes
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  tags                = merge(var.tags, { Name = "${var.name}-s3-${each.key}" })
  depends_on          = [aws_sns_topic_policy.alarms]
}
