variable "name" {
  description = "What every name starts with, such as sleap-rtc-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name has 3 to 24 of a-z, 0-9 and -, starts with a letter and does not end with a hyphen: names of AWS that start with it have at most 32 characters."
  }
}

variable "account_id" {
  description = "The AWS account, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits."
  }
}

variable "region" {
  description = "The region that everything is in, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as eu-central-1."
  }
}

variable "partition" {
  description = "The partition of ARNs: aws or aws-us-gov."
  type        = string
  default     = "aws"

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition is aws or aws-us-gov."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes."
  type        = map(string)
  default     = {}
}

variable "queue_names" {
  description = "The queues whose depth and age are watched: upload events, model events, and job queues of rooms that matter."
  type        = list(string)

  validation {
    condition     = length(var.queue_names) > 0 && alltrue([for queue in var.queue_names : can(regex("^[A-Za-z0-9_-]{1,80}$", queue))])
    error_message = "queue_names has names of queues, not URLs or ARNs."
  }
}

variable "dead_letter_queue_names" {
  description = "The queues in which nothing is to lie."
  type        = list(string)

  validation {
    condition     = length(var.dead_letter_queue_names) > 0 && alltrue([for queue in var.dead_letter_queue_names : can(regex("^[A-Za-z0-9_-]{1,80}$", queue))])
    error_message = "dead_letter_queue_names has names of queues, not URLs or ARNs."
  }
}

variable "load_balancer_arn_suffix" {
  description = "What CloudWatch knows the load balancer by (service: load_balancer_arn_suffix)."
  type        = string

  validation {
    condition     = can(regex("^app/[A-Za-z0-9-]+/.+$", var.load_balancer_arn_suffix))
    error_message = "load_balancer_arn_suffix is the end of an application load balancer's ARN: app/NAME/ID."
  }
}

variable "target_group_arn_suffixes" {
  description = "What CloudWatch knows the target groups by, name -> suffix (service: target_group_arn_suffixes)."
  type        = map(string)
}

variable "log_group_name" {
  description = "The service's log group, in which errors are counted (service: log_group_name)."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_./#-]{1,512}$", var.log_group_name))
    error_message = "log_group_name is the name of a log group, not its ARN."
  }
}

variable "uploads_bucket" {
  description = "The bucket that datasets are uploaded to."
  type        = string

  validation {
    condition = alltrue([
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.uploads_bucket)),
      !anytrue([for start in ["xn--", "sthree-", "amzn-s3-demo-"] : startswith(var.uploads_bucket, start)]),
      !anytrue([for end in ["-s3alias", "--ol-s3", "--x-s3", "--table-s3", "-an"] : endswith(var.uploads_bucket, end)]),
    ])
    error_message = "uploads_bucket is a name that S3 takes: 3 to 63 of a-z, 0-9 and -, no hyphen at either end, and no prefix or suffix that AWS keeps for itself. Dots are left out, since TLS does not cover them."
  }
}

variable "rooms_bucket" {
  description = "The bucket of rooms, models and jobs."
  type        = string

  validation {
    condition = alltrue([
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.rooms_bucket)),
      !anytrue([for start in ["xn--", "sthree-", "amzn-s3-demo-"] : startswith(var.rooms_bucket, start)]),
      !anytrue([for end in ["-s3alias", "--ol-s3", "--x-s3", "--table-s3", "-an"] : endswith(var.rooms_bucket, end)]),
    ])
    error_message = "rooms_bucket is a name that S3 takes: 3 to 63 of a-z, 0-9 and -, no hyphen at either end, and no prefix or suffix that AWS keeps for itself. Dots are left out, since TLS does not cover them."
  }
}

variable "notify_emails" {
  description = "Who is told. Each gets a mail at first and has to confirm it."
  type        = list(string)

  validation {
    condition     = length(var.notify_emails) >= 1 && length(var.notify_emails) <= 10 && alltrue([for email in var.notify_emails : can(regex("^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\\.)+[A-Za-z]{2,}$", email))])
    error_message = "notify_emails has 1 to 10 e-mail addresses, such as lab@example.org."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd is more than 0."
  }
}

variable "anomaly_usd" {
  description = "Above what cost of an anomaly somebody is told, in US dollars."
  type        = number

  validation {
    condition     = var.anomaly_usd > 0
    error_message = "anomaly_usd is more than 0."
  }
}

variable "cost_tag_key" {
  description = "The tag that what belongs to this environment carries with the value of name, by which costs are told apart. It has to be in tags."
  type        = string
  default     = "Deployment"

  validation {
    condition     = lookup(var.tags, var.cost_tag_key, "") == var.name
    error_message = "tags has to have cost_tag_key with the value of name, or the budget would watch nothing."
  }
}

variable "activate_cost_tag" {
  description = "Whether cost_tag_key is made a cost-allocation tag. Only the payer account may, only once for all environments, and not before AWS has seen the tag, which takes a day after the first apply."
  type        = bool
  default     = false
}

variable "max_error_percent" {
  description = "Above what share of 5xx answers somebody is told, in percent."
  type        = number
  default     = 5

  validation {
    condition     = var.max_error_percent > 0 && var.max_error_percent < 100
    error_message = "max_error_percent lies between 0 and 100."
  }
}

variable "min_requests" {
  description = "With fewer requests in five minutes than this the share of 5xx answers is not looked at."
  type        = number
  default     = 20

  validation {
    condition     = var.min_requests >= 1
    error_message = "min_requests is at least 1."
  }
}

variable "max_log_errors" {
  description = "Above what number of errors in the log in five minutes somebody is told."
  type        = number
  default     = 5

  validation {
    condition     = var.max_log_errors >= 1
    error_message = "max_log_errors is at least 1."
  }
}

variable "max_message_age_s" {
  description = "Above what age of the oldest message somebody is told, in seconds."
  type        = number
  default     = 900

  validation {
    condition     = var.max_message_age_s >= 60 && var.max_message_age_s <= 345600
    error_message = "max_message_age_s is from 60 to 345600 (four days, after which a message is gone)."
  }
}

variable "max_messages" {
  description = "Above what number of waiting messages somebody is told."
  type        = number
  default     = 500

  validation {
    condition     = var.max_messages >= 1
    error_message = "max_messages is at least 1."
  }
}

variable "s3_request_metrics" {
  description = "Whether S3 counts the requests of both buckets, so that its failures are noticed. CloudWatch takes 0.30 USD a month for each of 16 metrics of a bucket."
  type        = bool
  default     = true
}
