package gateway

// SelfSigned is selfSigned for the tests that see the gateway from outside.
var SelfSigned = selfSigned
