# What a month costs, told apart by the tag that everything of the environment has.
resource "aws_ce_cost_allocation_tag" "this" {
  count = var.activate_cost_tag ? 1 : 0

  tag_key = var.cost_tag_key
  status  = "Active"
}

resource "aws_budgets_budget" "month" {
  name         = "${var.name}-month"
  account_id   = var.account_id
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  tags         = merge(var.tags, { Name = "${var.name}-month" })
  depends_on   = [aws_sns_topic_policy.alarms]

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:%s$%s", var.cost_tag_key, var.name)]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [local.topic_arn]
    }
  }
}

# By the tag and not by service: of the latter kind an account has one.
resource "aws_ce_anomaly_monitor" "this" {
  name         = var.name
  monitor_type = "CUSTOM"
  tags         = merge(var.tags, { Name = var.name })

  monitor_specification = jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = var.cost_tag_key, MatchOptions = null, Values = [var.name] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  name             = var.name
  account_id       = var.account_id
  frequency        = "IMMEDIATE"
  monitor_arn_list = [aws_ce_anomaly_monitor.this.arn]
  tags             = merge(var.tags, { Name = var.name })
  depends_on       = [aws_sns_topic_policy.alarms]

  subscriber {
    type    = "SNS"
    address = aws_sns_topic.alarms.arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }
}
