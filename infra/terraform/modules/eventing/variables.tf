variable "name" {
  description = "What the environment is called, such as sleap-rtc-prod: the start of the Name tag of what is made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name takes 3 to 32 of a-z, 0-9 and -, starting with a letter, not ending with -."
  }
}

variable "account_id" {
  description = "The AWS account that everything is made in."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an AWS account: 12 digits (aws sts get-caller-identity shows it)."
  }
}

variable "region" {
  description = "The region that everything is made in, such as us-west-2."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is the code of an AWS region, such as us-west-2."
  }
}

variable "partition" {
  description = "The AWS partition of the region: aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"

  validation {
    condition = var.partition == (
      startswith(var.region, "cn-") ? "aws-cn" : startswith(var.region, "us-gov-") ? "aws-us-gov" : "aws"
    )
    error_message = "partition does not hold region: cn-* is in aws-cn, us-gov-* in aws-us-gov, every other region in aws."
  }
}

variable "tags" {
  description = "Tags of everything that is made here; cost reports group by them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags may not start with aws:, which AWS keeps for itself."
  }
}

variable "uploads_bucket" {
  description = "The bucket of datasets, of module storage (setting s3_upload_bucket)."
  type        = string

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.uploads_bucket)) &&
      !startswith(var.uploads_bucket, "xn--") && !startswith(var.uploads_bucket, "sthree-") && !startswith(var.uploads_bucket, "amzn-s3-demo-") &&
      !endswith(var.uploads_bucket, "-s3alias") && !endswith(var.uploads_bucket, "--ol-s3") && !endswith(var.uploads_bucket, "--x-s3") && !endswith(var.uploads_bucket, "--table-s3")
    )
    error_message = "uploads_bucket is no name that S3 takes with TLS: 3 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit, without S3's own prefixes and suffixes (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, --x-s3, --table-s3)."
  }
}

variable "rooms_bucket" {
  description = "The bucket of rooms, of module storage (setting s3_room_bucket)."
  type        = string

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.rooms_bucket)) &&
      !startswith(var.rooms_bucket, "xn--") && !startswith(var.rooms_bucket, "sthree-") && !startswith(var.rooms_bucket, "amzn-s3-demo-") &&
      !endswith(var.rooms_bucket, "-s3alias") && !endswith(var.rooms_bucket, "--ol-s3") && !endswith(var.rooms_bucket, "--x-s3") && !endswith(var.rooms_bucket, "--table-s3")
    )
    error_message = "rooms_bucket is no name that S3 takes with TLS: 3 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit, without S3's own prefixes and suffixes (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, --x-s3, --table-s3)."
  }

  validation {
    condition     = var.rooms_bucket != var.uploads_bucket
    error_message = "rooms_bucket and uploads_bucket are the same: a bucket has one notification, and they would overwrite each other."
  }
}

variable "upload_events_queue" {
  description = "The queue that hears of datasets (setting upload_events_queue)."
  type        = string
  default     = "sleap-rtc-upload-events"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.upload_events_queue))
    error_message = "upload_events_queue takes 1 to 76 of A-Z, a-z, 0-9, - and _: SQS takes 80, and its dead-letter queue ends with -dlq. Queues that S3 sends to cannot be FIFO."
  }
}

variable "model_events_queue" {
  description = "The queue that hears of models (setting model_events_queue)."
  type        = string
  default     = "sleap-rtc-model-events"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.model_events_queue))
    error_message = "model_events_queue takes 1 to 76 of A-Z, a-z, 0-9, - and _: SQS takes 80, and its dead-letter queue ends with -dlq. Queues that S3 sends to cannot be FIFO."
  }

  validation {
    condition     = var.model_events_queue != var.upload_events_queue
    error_message = "model_events_queue and upload_events_queue are the same: each has a consumer of its own."
  }
}

variable "room_events_topic" {
  description = "The topic of room notifications (setting room_events_topic). Each instance of the service hangs a queue on it."
  type        = string
  default     = "sleap-rtc-room-events"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,47}$", var.room_events_topic))
    error_message = "room_events_topic takes 1 to 47 of A-Z, a-z, 0-9, - and _: an instance's queue is called after it, with 33 more."
  }
}

variable "job_queue_prefix" {
  description = "What the queues of rooms start with (setting job_queue_prefix). The service makes them, one for each room."
  type        = string
  default     = "sleap-rtc-jobs"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,43}$", var.job_queue_prefix))
    error_message = "job_queue_prefix takes 1 to 43 of A-Z, a-z, 0-9, - and _: a room id of 32 and -dlq follow it."
  }

  validation {
    condition = alltrue([
      for queue in [var.upload_events_queue, var.model_events_queue] : !startswith(queue, "${var.job_queue_prefix}-")
    ])
    error_message = "An event queue starts with job_queue_prefix: a worker that may read the job queues could read it, too."
  }
}

variable "event_visibility_s" {
  description = "Seconds for which an event is hidden while it is worked on (setting event_visibility_s)."
  type        = number
  default     = 60

  validation {
    condition     = floor(var.event_visibility_s) == var.event_visibility_s && var.event_visibility_s >= 1 && var.event_visibility_s <= 43200
    error_message = "event_visibility_s is from 1 to 43200, as SQS takes it."
  }
}

variable "queue_retention_s" {
  description = "Seconds for which an event waits to be worked on. Module storage takes the same number."
  type        = number
  default     = 345600

  validation {
    condition     = floor(var.queue_retention_s) == var.queue_retention_s && var.queue_retention_s >= 86400 && var.queue_retention_s <= 1209600
    error_message = "queue_retention_s is from 86400 (a day: events outlive a broken night) to 1209600 (14 days, the most that SQS takes)."
  }
}

variable "dead_letter_retention_s" {
  description = "Seconds for which a dead letter waits for somebody to look at it."
  type        = number
  default     = 1209600

  validation {
    condition     = floor(var.dead_letter_retention_s) == var.dead_letter_retention_s && var.dead_letter_retention_s <= 1209600
    error_message = "dead_letter_retention_s is 1209600 (14 days, the most that SQS takes) at most."
  }

  validation {
    condition     = var.dead_letter_retention_s > var.queue_retention_s
    error_message = "dead_letter_retention_s has to be over queue_retention_s: SQS counts from when the message was first sent, so a late letter would be gone at once."
  }
}

variable "kms_key_arn" {
  description = "A customer key to encrypt queues and topic with, such as that of module keys. Null: SQS's own encryption (SSE-SQS), which costs nothing."
  type        = string
  default     = null

  validation {
    condition = var.kms_key_arn == null || can(regex(
      "^arn:${var.partition}:kms:${var.region}:${var.account_id}:key/[A-Za-z0-9-]+$", var.kms_key_arn
    ))
    error_message = "kms_key_arn is the ARN of a customer key (arn:…:key/…, no alias) in the queues' own region and account. The AWS managed key (alias/aws/sqs) never works: S3 is not allowed to use it, and no event would ever arrive."
  }
}
