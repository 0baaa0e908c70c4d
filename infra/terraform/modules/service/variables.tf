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

variable "image" {
  description = "The service's image, by version or by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]*(:[0-9]+)?/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?@sha256:[0-9a-f]{64})$", var.image)) && !can(regex(":latest(@|$)", var.image))
    error_message = "image is REGISTRY/NAME:VERSION or REGISTRY/NAME@sha256:DIGEST; without a version, or as latest, nobody could tell what runs."
  }
}

variable "cpu" {
  description = "Processor units of a task; 1024 are a vCPU."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu is 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  default     = 1024

  validation {
    condition     = (var.cpu == 256 && contains([512, 1024, 2048], var.memory)) || (var.cpu > 256 && var.memory % 1024 == 0 && var.memory >= var.cpu * 2 && var.memory <= var.cpu * 8)
    error_message = "memory is what Fargate has for this cpu: 512, 1024 or 2048 for 256; else from 2 to 8 MiB for each unit, in steps of 1024."
  }
}

variable "architecture" {
  description = "The processor that the image is built for: X86_64 or ARM64, which costs a fifth less."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture is X86_64 or ARM64."
  }
}

variable "min_count" {
  description = "The least number of tasks."
  type        = number
  default     = 2

  validation {
    condition     = var.min_count >= 1 && floor(var.min_count) == var.min_count
    error_message = "min_count is a whole number, at least 1."
  }
}

variable "desired_count" {
  description = "The number of tasks at first; afterwards scaling decides."
  type        = number
  default     = 2

  validation {
    condition     = var.desired_count >= var.min_count && var.desired_count <= var.max_count
    error_message = "desired_count lies between min_count and max_count."
  }
}

variable "max_count" {
  description = "The largest number of tasks. With 1, the one task has the signaling, too; with more, the signaling has a task of its own, which costs as much as any."
  type        = number
  default     = 6

  validation {
    condition     = var.max_count >= var.min_count && var.max_count <= 50
    error_message = "max_count is at least min_count and at most 50."
  }
}

variable "target_cpu_percent" {
  description = "Tasks are added above this average use of the processor."
  type        = number
  default     = 60

  validation {
    condition     = var.target_cpu_percent >= 10 && var.target_cpu_percent <= 90
    error_message = "target_cpu_percent is from 10 to 90."
  }
}

variable "target_requests_per_minute" {
  description = "Tasks are added above this number of requests a minute for each."
  type        = number
  default     = 3000

  validation {
    condition     = var.target_requests_per_minute >= 10
    error_message = "target_requests_per_minute is at least 10."
  }
}

variable "target_waiting_uploads" {
  description = "Tasks are added while more finished uploads than this wait for each task."
  type        = number
  default     = 50

  validation {
    condition     = var.target_waiting_uploads >= 1
    error_message = "target_waiting_uploads is at least 1."
  }
}

variable "upload_events_queue" {
  description = "The queue of finished uploads, whose depth tasks are scaled on."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,76}$", var.upload_events_queue))
    error_message = "upload_events_queue is the name of a queue, not its URL or ARN."
  }
}

variable "vpc_cidr" {
  description = "The addresses of the VPC that the module makes."
  type        = string
  default     = "10.70.0.0/20"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|2[0-2])$", var.vpc_cidr)) && try(cidrsubnet(var.vpc_cidr, 0, 0) == var.vpc_cidr, false)
    error_message = "vpc_cidr is a network of IPv4 from /16 to /22, such as 10.70.0.0/20."
  }
}

variable "availability_zones" {
  description = "Two or three zones of the region, such as eu-central-1a and eu-central-1b; empty for the first two."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.availability_zones) == 0 || (length(distinct(var.availability_zones)) == length(var.availability_zones) && length(var.availability_zones) >= 2 && length(var.availability_zones) <= 3)
    error_message = "availability_zones has two or three different zones: a load balancer needs two."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : can(regex("^${var.region}[a-z]$", zone))])
    error_message = "availability_zones are zones of the region."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has a NAT gateway of its own, so that the loss of a zone leaves the others their way out. README.md has what it costs."
  type        = bool
  default     = false
}

variable "interface_endpoints" {
  description = "Services of AWS that tasks reach by interface endpoints and not by the NAT gateway, such as sqs. README.md has what they cost. S3 has a gateway endpoint in any case, which is free."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : contains(["sqs", "sns", "logs", "ecr.api", "ecr.dkr", "secretsmanager"], service)])
    error_message = "interface_endpoints has some of sqs, sns, logs, ecr.api, ecr.dkr and secretsmanager."
  }
}

variable "certificate_arn" {
  description = "The ACM certificate of hostname, in the region."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+$", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate. Without one there is no TLS, and tokens would travel in the clear."
  }

  validation {
    condition     = try(split(":", var.certificate_arn)[3] == var.region, false)
    error_message = "The certificate has to be in the region of the load balancer."
  }
}

variable "hostname" {
  description = "The name that clients know the service by, such as sleap.example.org."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.hostname))
    error_message = "hostname is a DNS name in small letters, without https:// and without a path."
  }
}

variable "hosted_zone_id" {
  description = "The Route 53 zone of hostname; null where its record is made elsewhere."
  type        = string
  default     = null

  validation {
    condition     = var.hosted_zone_id == null || can(regex("^Z[A-Z0-9]{1,31}$", var.hosted_zone_id))
    error_message = "hosted_zone_id starts with Z."
  }
}

variable "allowed_cidrs" {
  description = "From where the load balancer takes connections."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrhost(cidr, 0))])
    error_message = "allowed_cidrs has networks such as 192.0.2.0/24."
  }
}

variable "access_logs_bucket" {
  description = "The bucket of the load balancer's access logs, below load-balancer/. Its policy has to let logdelivery.elasticloadbalancing.amazonaws.com put objects there, and its encryption has to be SSE-S3."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_logs_bucket))
    error_message = "access_logs_bucket is a name that S3 takes: 3 to 63 of a-z, 0-9 and -, no hyphen at either end."
  }
}

variable "task_role_arn" {
  description = "The role that the service works with (identity: service_task_role_arn)."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::${var.account_id}:role/.+$", var.task_role_arn))
    error_message = "task_role_arn is the ARN of a role in the account."
  }
}

variable "execution_role_arn" {
  description = "The role that ECS starts tasks with (identity: service_execution_role_arn)."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::${var.account_id}:role/.+$", var.execution_role_arn))
    error_message = "execution_role_arn is the ARN of a role in the account."
  }
}

variable "settings" {
  description = "Settings of the service (docs/reference/settings.md), such as SLEAP_RTC_S3_ROOM_BUCKET. SLEAP_RTC_S3_REGION, SLEAP_RTC_BACKEND_API_URL and SLEAP_RTC_DRAIN_S are the module's own."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^(SLEAP_RTC|OTEL)_[A-Z0-9_]+$", name))])
    error_message = "settings are named SLEAP_RTC_* or OTEL_*."
  }

  validation {
    condition     = alltrue([for name in ["SLEAP_RTC_S3_UPLOAD_BUCKET", "SLEAP_RTC_S3_ROOM_BUCKET", "SLEAP_RTC_ISSUER", "SLEAP_RTC_JWKS_URL", "SLEAP_RTC_AUDIENCE"] : lookup(var.settings, name, "") != ""])
    error_message = "settings have SLEAP_RTC_S3_UPLOAD_BUCKET, SLEAP_RTC_S3_ROOM_BUCKET, SLEAP_RTC_ISSUER, SLEAP_RTC_JWKS_URL and SLEAP_RTC_AUDIENCE: without them nobody is let in and nothing is found."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["SLEAP_RTC_S3_REGION", "SLEAP_RTC_BACKEND_API_URL", "SLEAP_RTC_DRAIN_S"])) == 0
    error_message = "SLEAP_RTC_S3_REGION, SLEAP_RTC_BACKEND_API_URL and SLEAP_RTC_DRAIN_S follow from region, hostname and drain_s."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["SLEAP_RTC_TOKEN", "SLEAP_RTC_TURN_SECRET", "SLEAP_RTC_RATE_LIMIT_STORE"])) == 0
    error_message = "SLEAP_RTC_TOKEN, SLEAP_RTC_TURN_SECRET and SLEAP_RTC_RATE_LIMIT_STORE are secrets: they belong into secrets."
  }

  validation {
    condition     = alltrue([for name, value in var.settings : value == "" || !endswith(name, "_ENDPOINT_URL")])
    error_message = "The service uses AWS's own endpoints of its region; leave the settings *_ENDPOINT_URL out."
  }
}

variable "secrets" {
  description = "Settings that nobody may read, such as SLEAP_RTC_TURN_SECRET: name -> ARN of a secret of Secrets Manager below the prefix NAME/ (which the execution role may read)."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, arn in var.secrets : can(regex("^(SLEAP_RTC|OTEL)_[A-Z0-9_]+$", name)) && can(regex("^arn:[a-z-]+:secretsmanager:${var.region}:${var.account_id}:secret:${var.name}/.+$", arn))])
    error_message = "secrets are SLEAP_RTC_* or OTEL_* -> ARN of a secret in the account and region whose name starts with NAME/."
  }
}

variable "drain_s" {
  description = "For how long a task that is to stop finishes what it has (setting of the same name). ECS kills it 10 s later."
  type        = number
  default     = 40

  validation {
    condition     = var.drain_s >= 30 && var.drain_s <= 110
    error_message = "drain_s is from 30 to 110: ECS waits for 120 s at most, and long polls of up to 20 s have to end before."
  }
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is a number of days that CloudWatch knows, at least 30: what was found late has to be read, too."
  }
}

variable "log_kms_key_arn" {
  description = "The key that logs are encrypted with; null for CloudWatch's own. Its policy has to let logs.REGION.amazonaws.com use it."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:${var.region}:[0-9]{12}:key/[0-9a-f-]+$", var.log_kms_key_arn))
    error_message = "log_kms_key_arn is the ARN of a key (not of an alias) in the region."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}
