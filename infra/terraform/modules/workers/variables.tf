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

variable "job_queue_prefix" {
  description = "What the names of the rooms' job queues start with (setting of the same name)."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,43}$", var.job_queue_prefix))
    error_message = "job_queue_prefix has 1 to 43 of A-Z, a-z, 0-9, _ and -."
  }
}

variable "rooms" {
  description = "Room id -> how many GPUs the room may have at a time."
  type        = map(number)

  validation {
    condition     = alltrue([for room in keys(var.rooms) : can(regex("^[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?$", room))])
    error_message = "rooms has room ids: 1 to 32 of A-Z, a-z, 0-9, _ and -; for Kubernetes they start and end with a letter or a digit."
  }

  validation {
    condition     = length(distinct([for room in keys(var.rooms) : lower(replace(room, "_", "-"))])) == length(var.rooms)
    error_message = "rooms has two ids that would have one name in Kubernetes, which knows neither capitals nor underscores."
  }

  validation {
    condition     = alltrue([for most in values(var.rooms) : most >= 1 && most <= 100 && floor(most) == most])
    error_message = "rooms has whole numbers of GPUs from 1 to 100."
  }
}

variable "namespace" {
  description = "The namespace of the ScaledJobs."
  type        = string
  default     = "sleap-rtc"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace is a name that Kubernetes takes."
  }
}

variable "service_account" {
  description = "The service account that workers run as; it belongs to oidc_subjects of identity."
  type        = string
  default     = "sleap-rtc-worker"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.service_account))
    error_message = "service_account is a name that Kubernetes takes."
  }
}

variable "worker_role_arn" {
  description = "The role of workers (identity: runai_worker_role_arn)."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::${var.account_id}:role/.+$", var.worker_role_arn))
    error_message = "worker_role_arn is the ARN of a role in the account."
  }
}

variable "scaler_role_arn" {
  description = "The role of KEDA's operator (identity: scaler_role_arn)."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::${var.account_id}:role/.+$", var.scaler_role_arn))
    error_message = "scaler_role_arn is the ARN of a role in the account."
  }
}

variable "image" {
  description = "The worker's image (worker/Containerfile, target runai), by version or by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]*(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?@sha256:[0-9a-f]{64})$", var.image)) && !can(regex(":latest(@|$)", var.image))
    error_message = "image is REGISTRY/NAME:VERSION or REGISTRY/NAME@sha256:DIGEST; without a version, or as latest, nobody could tell what runs."
  }
}

variable "settings" {
  description = "More settings of the worker (docs/reference/settings.md), such as SLEAP_RTC_ROOM_EVENTS_TOPIC."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^SLEAP_RTC_[A-Z0-9_]+$", name))])
    error_message = "settings are named SLEAP_RTC_*."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["SLEAP_RTC_ENVIRONMENT", "SLEAP_RTC_S3_REGION", "SLEAP_RTC_S3_UPLOAD_BUCKET", "SLEAP_RTC_S3_ROOM_BUCKET", "SLEAP_RTC_DATA_DIR", "SLEAP_RTC_CACHE_DIR", "SLEAP_RTC_CACHE_BUDGET_BYTES", "SLEAP_RTC_JOB_QUEUE_PREFIX"])) == 0
    error_message = "settings has one that the manifests have already."
  }

  validation {
    condition     = !contains(keys(var.settings), "SLEAP_RTC_TOKEN")
    error_message = "SLEAP_RTC_TOKEN is a secret and does not belong into a manifest."
  }
}
