variable "account_id" {
  description = "The AWS account that everything is made in, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an AWS account: 12 digits (`aws sts get-caller-identity` shows it)."
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

variable "tags" {
  description = "Tags of everything that is made; Project and Deployment are added, and costs are told apart by the latter."
  type        = map(string)
  default     = {}
}

variable "hostname" {
  description = "The name that people know the service by, such as sleap.example.org."
  type        = string
}

variable "certificate_arn" {
  description = "The ACM certificate of hostname, in the region."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:${var.region}:${var.account_id}:certificate/.+$", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate in the same region and account: a load balancer takes no other."
  }
}

variable "hosted_zone_id" {
  description = "The Route 53 zone of hostname; null where the record is made elsewhere."
  type        = string
  default     = null
}

variable "image" {
  description = "The service's image, by version or by digest."
  type        = string
}

variable "operator_principal_arns" {
  description = "Who may assume the operator's role."
  type        = list(string)
  default     = []
}

variable "desktop_worker_principal_arns" {
  description = "Who may assume the role of desktop workers, for labs with AWS credentials."
  type        = list(string)
  default     = []
}

variable "oidc_provider_arn" {
  description = "The IAM OIDC provider of the cluster that workers run in; null for none."
  type        = string
  default     = null
}

variable "oidc_issuer" {
  description = "That cluster's issuer, without https://; null for none."
  type        = string
  default     = null
}

variable "oidc_subjects" {
  description = "The service accounts that workers run as: system:serviceaccount:NAMESPACE:NAME."
  type        = list(string)
  default     = []
}

variable "scaler_oidc_subjects" {
  description = "The service account of KEDA's operator."
  type        = list(string)
  default     = []
}

variable "worker_rooms" {
  description = "Room id -> how many GPUs it may have at a time; manifests for KEDA and Run:ai are made for these."
  type        = map(number)
  default     = {}

  validation {
    condition = length(var.worker_rooms) == 0 || (
      length(var.oidc_subjects) > 0 && length(var.scaler_oidc_subjects) > 0 && var.worker_image != ""
    )
    error_message = "worker_rooms need oidc_subjects, scaler_oidc_subjects and worker_image: pods get their role by web identity."
  }
}

variable "worker_image" {
  description = "The worker's image, for the manifests."
  type        = string
  default     = ""
}

variable "notify_emails" {
  description = "Who is told of alarms; each has to confirm a mail."
  type        = list(string)
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
}

variable "activate_cost_tag" {
  description = "Whether the tag Deployment is made a cost-allocation tag: by the payer account, once, a day after the first apply."
  type        = bool
  default     = false
}

variable "customer_key" {
  description = "Whether buckets and queues are encrypted with a KMS key of your own rather than with AWS's."
  type        = bool
  default     = false
}

variable "cors_origins" {
  description = "Where a web page may come from that uploads datasets."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "More settings of the service, such as SLEAP_RTC_STUN_URLS; they come before those that are made here."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^(SLEAP_RTC|OTEL)_[A-Z0-9_]+$", name))])
    error_message = "settings are named SLEAP_RTC_* (docs/reference/settings.md) or OTEL_* (docs/tracing.md)."
  }
}

variable "secrets" {
  description = "Settings that nobody may read, such as SLEAP_RTC_TURN_SECRET: name -> ARN of a secret."
  type        = map(string)
  default     = {}
}

variable "throwaway" {
  description = "Whether destroying the environment also destroys what people keep in its buckets."
  type        = bool
  default     = true
}

variable "protected" {
  description = "Whether the load balancer and the user pool refuse to be deleted."
  type        = bool
  default     = false
}
