# Written by "npm run terraform" from template.yaml.

variable "mode" {
  type        = string
  description = "propose changes nothing; approve asks a person before each change; apply makes low-risk changes at once and asks for the others. The tag nat-medic:mode makes one instance stricter."
  default     = "propose"

  validation {
    condition     = contains(["propose", "approve", "apply"], var.mode)
    error_message = "One of: propose, approve, apply."
  }
}

variable "approval_seconds" {
  type        = number
  description = "How long a request for a decision stays open; then nothing is changed."
  default     = 14400

  validation {
    condition     = var.approval_seconds >= 60 && var.approval_seconds <= 86400
    error_message = "From 60 to 86400."
  }
}

variable "automatic_changes_per_day" {
  type        = number
  description = "Circuit breaker: after so many changes without a person on one instance in 24 hours, or after one that had to be undone, NAT Medic only proposes there."
  default     = 3

  validation {
    condition     = var.automatic_changes_per_day >= 0 && var.automatic_changes_per_day <= 100
    error_message = "From 0 to 100."
  }
}

variable "cool_down_seconds" {
  type        = number
  description = "How long alarms on an instance wait after an incident there was closed."
  default     = 900

  validation {
    condition     = var.cool_down_seconds >= 0 && var.cool_down_seconds <= 86400
    error_message = "From 0 to 86400."
  }
}

variable "alarm_namespaces" {
  type        = list(string)
  description = "Alarms on metrics in these namespaces start NAT Medic, whoever made them. Add AWS/EC2 for status checks and CPU, or AWS/AutoScaling; each change of an alarm on another instance there then costs one short execution."
  default     = ["NatMedic", "CWAgent", "CWAgent/System", "fck-nat", "alterNAT"]

  validation {
    condition     = alltrue([for each in var.alarm_namespaces : can(regex("^[A-Za-z0-9._/#-]{1,255}$", each))])
    error_message = "It must match ^[A-Za-z0-9._/#-]{1,255}$."
  }
}

variable "alarm_name_prefix" {
  type        = string
  description = "Alarms whose names begin like this start NAT Medic, whatever they watch: for composite alarms and Metrics Insights queries of your own. The stack's own alarms always do."
  default     = "nat-medic:"

  validation {
    condition     = can(regex("^.{3,200}$", var.alarm_name_prefix))
    error_message = "It must match ^.{3,200}$."
  }
}

variable "fleet_concurrency" {
  type        = number
  description = "How many instances a run over many (a start by hand of several, the daily check) works on at a time; a tenth of it is about how many commands a second reach Systems Manager. CloudWatch lets an account look up nine alarms a second."
  default     = 8

  validation {
    condition     = var.fleet_concurrency >= 1 && var.fleet_concurrency <= 80
    error_message = "From 1 to 80."
  }
}

variable "utilization_threshold" {
  type        = number
  description = "Percent of the connection tracking table in use from which an instance is in alarm."
  default     = 80

  validation {
    condition     = var.utilization_threshold >= 1 && var.utilization_threshold <= 100
    error_message = "From 1 to 100."
  }
}

variable "loss_threshold" {
  type        = number
  description = "Packets or connections that connection tracking loses in a minute from which an instance is in alarm."
  default     = 10

  validation {
    condition     = var.loss_threshold >= 1 && var.loss_threshold <= 1000000
    error_message = "From 1 to 1000000."
  }
}

variable "port_pressure_threshold" {
  type        = number
  description = "Source ports that NAT finds taken per second from which an instance is in alarm."
  default     = 1000

  validation {
    condition     = var.port_pressure_threshold >= 1 && var.port_pressure_threshold <= 10000000
    error_message = "From 1 to 10000000."
  }
}

variable "allowance_threshold" {
  type        = number
  description = "Packets in a minute beyond an allowance of the instance type from which an instance is in alarm."
  default     = 20

  validation {
    condition     = var.allowance_threshold >= 1 && var.allowance_threshold <= 10000000
    error_message = "From 1 to 10000000."
  }
}

variable "allowance_headroom_threshold" {
  type        = number
  description = "Connections that the instance type still allows below which an instance is in alarm."
  default     = 5000

  validation {
    condition     = var.allowance_headroom_threshold >= 1 && var.allowance_headroom_threshold <= 10000000
    error_message = "From 1 to 10000000."
  }
}

variable "silent_alarms" {
  type        = string
  description = "Whether each enrolled instance has an alarm that says when it publishes nothing any more."
  default     = "yes"

  validation {
    condition     = contains(["yes", "no"], var.silent_alarms)
    error_message = "One of: yes, no."
  }
}

variable "high_resolution_alarms" {
  type        = string
  description = "Whether each enrolled instance has an alarm of its own that is evaluated every ten seconds; of use where the instances publish as often."
  default     = "no"

  validation {
    condition     = contains(["yes", "no"], var.high_resolution_alarms)
    error_message = "One of: yes, no."
  }
}

variable "agent_alarms" {
  type        = string
  description = "Whether each enrolled instance has alarms on the ENA counters that the CloudWatch agent publishes."
  default     = "no"

  validation {
    condition     = contains(["yes", "no"], var.agent_alarms)
    error_message = "One of: yes, no."
  }
}

variable "publish_period_seconds" {
  type        = string
  description = "How often each enrolled instance publishes. Every ten seconds needs the CloudWatch agent there: without it an instance publishes every minute."
  default     = "60"

  validation {
    condition     = contains(["60", "10"], var.publish_period_seconds)
    error_message = "One of: 60, 10."
  }
}

variable "manage_cloud_watch_agent" {
  type        = string
  description = "Whether State Manager installs the CloudWatch agent on enrolled instances, keeps it up to date and adds our part to its configuration. With no, an instance needs an agent that listens for embedded metrics, or the AWS CLI."
  default     = "yes"

  validation {
    condition     = contains(["yes", "no"], var.manage_cloud_watch_agent)
    error_message = "One of: yes, no."
  }
}

variable "composite_alarms" {
  type        = string
  description = "Whether each enrolled instance has one composite alarm over all of its own, for people who page on one."
  default     = "no"

  validation {
    condition     = contains(["yes", "no"], var.composite_alarms)
    error_message = "One of: yes, no."
  }
}

variable "paging_topic_arn" {
  type        = string
  description = "An SNS topic of yours that the composite alarms notify; empty for none."
  default     = ""

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$", var.paging_topic_arn))
    error_message = "It must match ^$|^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$."
  }
}

variable "notification_email" {
  type        = string
  description = "An address that gets every notification; empty to subscribe to the topic yourself."
  default     = ""

  validation {
    condition     = can(regex("^$|^[^@ ]+@[^@ ]+$", var.notification_email))
    error_message = "It must match ^$|^[^@ ]+@[^@ ]+$."
  }
}

variable "prevention_schedule" {
  type        = string
  description = "When every enrolled instance is looked at for what will fail, in UTC; empty for never. There is a message when something is new or urgent, and one a week."
  default     = "cron(0 6 * * ? *)"

  validation {
    condition     = can(regex("^$|^(cron|rate)\\([^()]+\\)$", var.prevention_schedule))
    error_message = "It must match ^$|^(cron|rate)\\([^()]+\\)$."
  }
}

variable "look_ahead_days" {
  type        = number
  description = "Room that a trend uses up within so many days is reported."
  default     = 30

  validation {
    condition     = var.look_ahead_days >= 1 && var.look_ahead_days <= 60
    error_message = "From 1 to 60."
  }
}

variable "look_ahead_places" {
  type        = string
  description = "JSON: where the daily look finds its instances. null is this account and Region; others as {\"account\":\"...\",\"region\":\"eu-west-1\"}."
  default     = "[null]"

  validation {
    condition     = can(regex("^\\[(null|\\{\"account\":\"[0-9]{12}\",\"region\":\"[a-z0-9-]+\"\\})(,\\{\"account\":\"[0-9]{12}\",\"region\":\"[a-z0-9-]+\"\\})*\\]$", var.look_ahead_places))
    error_message = "It must match ^\\[(null|\\{\"account\":\"[0-9]{12}\",\"region\":\"[a-z0-9-]+\"\\})(,\\{\"account\":\"[0-9]{12}\",\"region\":\"[a-z0-9-]+\"\\})*\\]$."
  }
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept, in days."
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "One of: 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "Your own KMS key for the table, topics, queue, logs and environment variables; its key policy must be as docs/deploy.md has it. Empty for keys of AWS."
  default     = ""

  validation {
    condition     = can(regex("^$|^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]{1,64}$", var.kms_key_arn))
    error_message = "It must match ^$|^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]{1,64}$."
  }
}

variable "approval_page_concurrency" {
  type        = number
  description = "Execution environments set aside for the public approval page, which are also the most that a flood of requests can take; 5 is plenty. 0 sets none aside, for an account whose limit is still the initial 10 has none to spare and would refuse the stack."
  default     = 0

  validation {
    condition     = var.approval_page_concurrency >= 0 && var.approval_page_concurrency <= 100
    error_message = "From 0 to 100."
  }
}

variable "dashboard" {
  type        = string
  description = "Whether to make a CloudWatch dashboard of the fleet. The first three of an account are free."
  default     = "yes"

  validation {
    condition     = contains(["yes", "no"], var.dashboard)
    error_message = "One of: yes, no."
  }
}

variable "spoke_accounts" {
  type        = list(string)
  description = "Accounts whose NAT instances are watched from here, each with the spoke stack in its Regions; this account too, for its other Regions. Empty when there are none, or when SpokeOrganization says it."
  default     = []

  validation {
    condition     = alltrue([for each in var.spoke_accounts : can(regex("^$|^[0-9]{12}$", each))])
    error_message = "It must match ^$|^[0-9]{12}$."
  }
}

variable "spoke_organization" {
  type        = string
  description = "An organization of AWS Organizations, any account of which may be a spoke; empty for none."
  default     = ""

  validation {
    condition     = can(regex("^$|^o-[a-z0-9]{10,32}$", var.spoke_organization))
    error_message = "It must match ^$|^o-[a-z0-9]{10,32}$."
  }
}

variable "spoke_external_id" {
  type        = string
  description = "What this stack says when it works in a spoke. The same as the spoke stack's ExternalId."
  default     = "nat-medic"

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@:/_-]{2,64}$", var.spoke_external_id))
    error_message = "It must match ^[A-Za-z0-9+=,.@:/_-]{2,64}$."
  }
}
