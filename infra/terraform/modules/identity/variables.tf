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
  description = "The bucket that datasets are uploaded to (setting s3_upload_bucket)."
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
  description = "The bucket of rooms, models and jobs (setting s3_room_bucket)."
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

variable "upload_events_queue" {
  description = "The queue of finished uploads (setting of the same name)."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.upload_events_queue))
    error_message = "upload_events_queue has 1 to 76 of A-Z, a-z, 0-9, _ and -: with -dlq, SQS takes 80."
  }

  validation {
    condition     = !startswith(var.upload_events_queue, "${var.job_queue_prefix}-") && !startswith(var.upload_events_queue, "${var.room_events_topic}-")
    error_message = "upload_events_queue starts with job_queue_prefix- or room_events_topic-: whoever may use those queues could use it, too."
  }
}

variable "model_events_queue" {
  description = "The queue of published models (setting of the same name)."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.model_events_queue))
    error_message = "model_events_queue has 1 to 76 of A-Z, a-z, 0-9, _ and -: with -dlq, SQS takes 80."
  }

  validation {
    condition     = !startswith(var.model_events_queue, "${var.job_queue_prefix}-") && !startswith(var.model_events_queue, "${var.room_events_topic}-")
    error_message = "model_events_queue starts with job_queue_prefix- or room_events_topic-: whoever may use those queues could use it, too."
  }
}

variable "room_events_topic" {
  description = "The topic of room notifications (setting of the same name). Each instance of the service hears it by a queue of its own, whose name is this and 9 characters."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,71}$", var.room_events_topic))
    error_message = "room_events_topic has 1 to 71 of A-Z, a-z, 0-9, _ and -."
  }
}

variable "job_queue_prefix" {
  description = "What the names of the rooms' job queues start with (setting of the same name): prefix-ROOM and prefix-ROOM-dlq."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,43}$", var.job_queue_prefix))
    error_message = "job_queue_prefix has 1 to 43 of A-Z, a-z, 0-9, _ and -: a room id of 32, and -dlq, follow, and SQS takes 80."
  }
}

variable "kms_key_arn" {
  description = "The customer-managed key of buckets and queues; null where S3 and SQS use their own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:${var.region}:[0-9]{12}:key/[0-9a-f-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key (not of an alias) in the region."
  }
}

variable "callback_urls" {
  description = "Where the browser comes back to after signing in: ports of the user's own machine (setting sign_in_ports)."
  type        = list(string)
  default     = ["http://localhost:8765/callback", "http://localhost:8766/callback"]

  validation {
    condition     = length(var.callback_urls) > 0 && alltrue([for url in var.callback_urls : can(regex("^http://localhost:[0-9]{2,5}/callback$", url))])
    error_message = "callback_urls are of the form http://localhost:PORT/callback; Cognito takes http for localhost alone, and the command line opens nothing else."
  }
}

variable "domain_prefix" {
  description = "The pages to sign in at are https://PREFIX.auth.REGION.amazoncognito.com; null for the module's name and the account id."
  type        = string
  default     = null

  validation {
    condition     = var.domain_prefix == null || (can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.domain_prefix)) && !can(regex("aws|amazon|cognito", var.domain_prefix)))
    error_message = "domain_prefix has 1 to 63 of a-z, 0-9 and -, no hyphen at either end, and none of the words aws, amazon and cognito, which Cognito refuses."
  }
}

variable "mfa" {
  description = "A second factor by an authenticator app: OFF, OPTIONAL or ON for everybody."
  type        = string
  default     = "OPTIONAL"

  validation {
    condition     = contains(["OFF", "OPTIONAL", "ON"], var.mfa)
    error_message = "mfa is OFF, OPTIONAL or ON."
  }
}

variable "sign_up" {
  description = "Whether anybody may make an account. Off, an administrator invites people; rooms are closed to strangers either way."
  type        = bool
  default     = false
}

variable "threat_protection" {
  description = "Cognito's threat protection: OFF, AUDIT or ENFORCED. Off by default: it needs the Plus tier, at several times the price for each person, and passwords are already long and tokens short."
  type        = string
  default     = "OFF"

  validation {
    condition     = contains(["OFF", "AUDIT", "ENFORCED"], var.threat_protection)
    error_message = "threat_protection is OFF, AUDIT or ENFORCED."
  }
}

variable "deletion_protection" {
  description = "Whether the user pool refuses to be deleted, and all logins with it."
  type        = bool
  default     = true
}

variable "login_days" {
  description = "For how many days a login holds without signing in again."
  type        = number
  default     = 30

  validation {
    condition     = var.login_days >= 1 && var.login_days <= 365 && floor(var.login_days) == var.login_days
    error_message = "login_days is a whole number from 1 to 365."
  }
}

variable "oidc_provider_arn" {
  description = "The IAM OIDC provider of the cluster that workers run in; null for no roles by web identity."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::${var.account_id}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn is arn:PARTITION:iam::ACCOUNT:oidc-provider/ISSUER, in the account."
  }
}

variable "oidc_issuer" {
  description = "The cluster's issuer without https://, such as oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE; null for no roles by web identity."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._/-]+)?$", var.oidc_issuer))
    error_message = "oidc_issuer is a host and perhaps a path, without https:// and without a slash at the end."
  }

  validation {
    condition     = (var.oidc_issuer == null) == (var.oidc_provider_arn == null) && (var.oidc_issuer == null || endswith(coalesce(var.oidc_provider_arn, "-"), "/${coalesce(var.oidc_issuer, "-")}"))
    error_message = "oidc_issuer and oidc_provider_arn belong together: the ARN ends with the issuer."
  }
}

variable "oidc_audience" {
  description = "The audience that the tokens of pods are made for."
  type        = string
  default     = "sts.amazonaws.com"

  validation {
    condition     = length(var.oidc_audience) > 0 && !strcontains(var.oidc_audience, "*")
    error_message = "oidc_audience is one audience, without a wildcard."
  }
}

variable "oidc_subjects" {
  description = "The service accounts that workers run as: system:serviceaccount:NAMESPACE:NAME. Empty for no worker role by web identity."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for subject in var.oidc_subjects : can(regex("^system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+$", subject))])
    error_message = "oidc_subjects are of the form system:serviceaccount:NAMESPACE:NAME, each named in full, without a wildcard."
  }

  validation {
    condition     = length(var.oidc_subjects) == 0 || var.oidc_provider_arn != null
    error_message = "oidc_subjects need oidc_provider_arn and oidc_issuer."
  }
}

variable "scaler_oidc_subjects" {
  description = "The service account of KEDA's operator, such as system:serviceaccount:keda:keda-operator. Empty for no scaler role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for subject in var.scaler_oidc_subjects : can(regex("^system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+$", subject))])
    error_message = "scaler_oidc_subjects are of the form system:serviceaccount:NAMESPACE:NAME, each named in full, without a wildcard."
  }

  validation {
    condition     = length(var.scaler_oidc_subjects) == 0 || var.oidc_provider_arn != null
    error_message = "scaler_oidc_subjects need oidc_provider_arn and oidc_issuer."
  }
}

variable "worker_rooms" {
  description = "The rooms that the worker roles may work for; empty for every room."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.worker_rooms) <= 8 && alltrue([for room in var.worker_rooms : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$", room))])
    error_message = "worker_rooms has at most 8 room ids (1 to 32 of A-Z, a-z, 0-9, _ and -, not starting with _ or -): a role's policies have place for no more."
  }
}

variable "desktop_worker_principal_arns" {
  description = "Who may assume the desktop worker's role: IAM users or roles of a lab that has AWS credentials. Empty for no such role: a desktop without credentials needs none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.desktop_worker_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(user|role|root)(/[A-Za-z0-9+=,.@_/-]+)?$", arn))])
    error_message = "desktop_worker_principal_arns has ARNs of IAM users and roles, each named in full, without a wildcard."
  }
}

variable "operator_principal_arns" {
  description = "Who may assume the operator's role. Empty for no such role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.operator_principal_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(user|role|root)(/[A-Za-z0-9+=,.@_/-]+)?$", arn))])
    error_message = "operator_principal_arns has ARNs of IAM users and roles, each named in full, without a wildcard."
  }
}

variable "ecr_repository" {
  description = "The ECR repositories that ECS may pull the service's image from, * for any end of the name; null where the image lies in a public registry."
  type        = string
  default     = "sleap-rtc-*"

  validation {
    condition     = var.ecr_repository == null || can(regex("^[a-z0-9][a-z0-9._/-]{1,254}[*]?$", var.ecr_repository))
    error_message = "ecr_repository is the name of a repository in the account and region, such as sleap-rtc-service, without the registry; only its end may be *."
  }
}
