# The whole of NAT Medic is one CloudFormation stack, so that there is one description of it. This module gives Terraform
# its parameters as variables and its outputs as outputs.
variable "template_url" {
  type        = string
  description = "Where the packaged template is: the https address of an object in S3, which 'sam package' and 'aws s3 cp' put there."

  validation {
    condition     = can(regex("^https://[^ ]+[.]amazonaws[.]com([.]cn)?/[^ ]+$", var.template_url))
    error_message = "The https address of an object in S3."
  }
}

variable "stack_name" {
  type        = string
  description = "The stack's name, with which the names of its alarms begin. One stack per account and Region."
  default     = "nat-medic"

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,39}$", var.stack_name))
    error_message = "A letter, then at most 39 letters, digits and hyphens."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the stack and of what it holds."
  default     = {}
}

resource "aws_cloudformation_stack" "nat_medic" {
  name         = var.stack_name
  template_url = var.template_url
  parameters   = local.parameters
  tags         = var.tags

  # It makes roles, and is written with the SAM transform.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }
}
