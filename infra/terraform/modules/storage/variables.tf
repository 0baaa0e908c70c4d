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
  description = "The bucket of datasets (setting s3_upload_bucket). Bucket names are unique in all of AWS."
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
  description = "The bucket of rooms, with their models and jobs (setting s3_room_bucket)."
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
    error_message = "rooms_bucket and uploads_bucket are the same: datasets expire, rooms never do."
  }
}

variable "logs_bucket" {
  description = "The bucket that access logs go to: of the other two, and of the load balancer below load-balancer/."
  type        = string

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.logs_bucket)) &&
      !startswith(var.logs_bucket, "xn--") && !startswith(var.logs_bucket, "sthree-") && !startswith(var.logs_bucket, "amzn-s3-demo-") &&
      !endswith(var.logs_bucket, "-s3alias") && !endswith(var.logs_bucket, "--ol-s3") && !endswith(var.logs_bucket, "--x-s3") && !endswith(var.logs_bucket, "--table-s3")
    )
    error_message = "logs_bucket is no name that S3 takes with TLS: 3 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit, without S3's own prefixes and suffixes (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, --x-s3, --table-s3)."
  }

  validation {
    condition     = !contains([var.uploads_bucket, var.rooms_bucket], var.logs_bucket)
    error_message = "logs_bucket is one of the buckets whose accesses it logs: each log would be logged again, without end."
  }
}

variable "cors_origins" {
  description = "Where a web page may come from that uploads datasets, such as https://app.example.org. None: no page may."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[a-z0-9*.-]+(:[0-9*]{1,5})?$", origin)) && origin != "https://*"])
    error_message = "cors_origins are origins with https and a host, without a path, such as https://app.example.org."
  }
}

variable "dataset_days" {
  description = "Days after which a dataset goes, counted from when its upload was begun."
  type        = number
  default     = 30

  validation {
    condition     = var.dataset_days >= max(var.resume_days, 12) + ceil((var.queue_retention_s + var.longest_job_s) / 86400)
    error_message = "dataset_days would take datasets whose job still waits or runs: it has to be the days of queue_retention_s and longest_job_s, and 12 or resume_days, whichever is more, together at least. (S3 counts from the begin of an upload, and the service takes new jobs for a dataset for 12 days.)"
  }

  validation {
    condition     = floor(var.dataset_days) == var.dataset_days && var.dataset_days <= 3650
    error_message = "dataset_days is a whole number of days, 3650 at most."
  }
}

variable "resume_days" {
  description = "Days for which an upload that was cut may be gone on with; its parts go after that, counted from its begin."
  type        = number
  default     = 7

  validation {
    condition     = floor(var.resume_days) == var.resume_days && var.resume_days >= 1 && var.resume_days <= 365
    error_message = "resume_days is a whole number of days from 1 to 365: with less, uploads would be lost over a night."
  }
}

variable "queue_retention_s" {
  description = "Seconds for which a job may wait in its queue: the longest retention of the queues of events and of rooms."
  type        = number
  default     = 345600

  validation {
    condition     = floor(var.queue_retention_s) == var.queue_retention_s && var.queue_retention_s >= 345600 && var.queue_retention_s <= 1209600
    error_message = "queue_retention_s is from 345600 (4 days, for which the queues that the service makes keep a job) to 1209600 (14 days, the most that SQS takes)."
  }
}

variable "longest_job_s" {
  description = "Seconds that the longest job takes from its first attempt to its end: it reads its dataset again when it is resumed."
  type        = number
  default     = 1209600

  validation {
    condition     = floor(var.longest_job_s) == var.longest_job_s && var.longest_job_s >= 3600
    error_message = "longest_job_s is at least an hour."
  }
}

variable "signature_age_limit_s" {
  description = "Seconds after which a presigned URL is refused, whatever its own expiry says."
  type        = number
  default     = 3900

  validation {
    condition     = var.signature_age_limit_s > 3600 && var.signature_age_limit_s <= 604800
    error_message = "signature_age_limit_s has to be over 3600, the life of the URLs that the service signs, or those would be refused before they expire; S3 takes 604800 (7 days) at most."
  }
}

variable "log_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = floor(var.log_days) == var.log_days && var.log_days >= 30 && var.log_days <= 3650
    error_message = "log_days is a whole number of days from 30 to 3650."
  }
}

variable "trusted_role_arns" {
  description = "The roles that may use objects with signed headers, and sign URLs: the service, workers with a role, the operator."
  type        = list(string)

  validation {
    condition     = length(var.trusted_role_arns) > 0
    error_message = "trusted_role_arns is empty: nobody could put or get an object, nor sign a URL."
  }

  validation {
    condition     = alltrue([for arn in var.trusted_role_arns : can(regex("^arn:${var.partition}:iam::${var.account_id}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "trusted_role_arns are ARNs of IAM roles of this account, without * (a session's arn:…:sts::…:assumed-role/… is not the role)."
  }
}

variable "kms_key_arn" {
  description = "A customer key to encrypt both buckets with, such as that of module keys. Null: S3's own key, which costs nothing."
  type        = string
  default     = null

  validation {
    condition = var.kms_key_arn == null || can(regex(
      "^arn:${var.partition}:kms:${var.region}:${var.account_id}:key/[A-Za-z0-9-]+$", var.kms_key_arn
    ))
    error_message = "kms_key_arn is the ARN of a customer key (arn:…:key/…, no alias) in the buckets' own region and account."
  }
}

variable "force_destroy" {
  description = "Whether destroying the environment destroys what the buckets hold. For environments that are thrown away."
  type        = bool
  default     = false
}
