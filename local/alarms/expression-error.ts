/** An expression that CloudWatch would refuse. */
export class InvalidExpression extends Error {
  override readonly name = "InvalidExpression";
}

/** One that CloudWatch may know, but that is not evaluated here. */
export class ExpressionNotKnown extends Error {
  override readonly name = "ExpressionNotKnown";
}
