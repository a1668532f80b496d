package dhcp4

// For the tests that are not part of the package.
var (
	WithAgentInfo   = withAgentInfo
	AppendAgentInfo = appendAgentInfo
)
