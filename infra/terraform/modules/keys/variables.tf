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

variable "buckets" {
  description = "The buckets whose events the key has to let through: uploads and rooms."
  type        = list(string)

  validation {
    condition     = length(var.buckets) > 0 && alltrue([for bucket in var.buckets : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", bucket))])
    error_message = "buckets are the names of S3 buckets, one at least, without *."
  }
}

variable "deletion_days" {
  description = "Days for which a key that is to be deleted can still be had back. What it encrypted is lost after that."
  type        = number
  default     = 30

  validation {
    condition     = floor(var.deletion_days) == var.deletion_days && var.deletion_days >= 7 && var.deletion_days <= 30
    error_message = "deletion_days is from 7 to 30, as KMS takes it."
  }
}
