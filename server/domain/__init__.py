"""The rules of the product, pure: no await, no clock, no randomness, no logging, no protobuf.

State machines take events and return commands; everything else here is data and functions over data. Words are those of
`ARCHITECTURE.md#words`. A rule that is not in here is not a rule.
"""
