import CContainerProbe

/// A static program for tests to run inside containers; what it does is in C.
@main
struct ContainerProbe {
    static func main() {
        let code = container_probe()
        if code != 0 { fatalError() }
    }
}
