import TestSupport
import Testing

extension Conformance {
    /// The operator's page as a person with a browser meets it.
    @Suite struct Page {
        private static let isLive = "document.getElementById('live').textContent.trim() === 'live'"
        private static let rows = "[...document.querySelectorAll('.fall[data-key]')]"

        /// Text of the section with that title.
        private func section(_ title: String) -> String {
            "(document.querySelector('section[aria-label=\"\(title)\"]') || {innerText: ''}).innerText"
        }

        /// What the page makes of all that can happen to a list at once; its own list stays as it is.
        private static let changedList = """
            (() => {
                const own = state.volumes;
                state.volumes = { total: 2, items: [{ handle: "a", x: 1, y: 2 }, { handle: "b" }] };
                merge({ volumes: {
                    total: 2, gone: ["b"], set: [[0, { handle: "c" }]], changed: [["a", { z: 3, x: null }]] } });
                const items = state.volumes.items;
                state.volumes = own;
                return JSON.stringify(items);
            })()
            """

        @Test(.ownWorker) func whatIsAppearsByItself() throws {
            let (garden, volumes) = (try SharedWorker.garden, try SharedWorker.volumes)
            try withBrowser(try SharedWorker.operations) { page in
                try page.open("/")
                try page.wait(Self.isLive)
                try page.wait("\(section("Containers")).includes('No containers yet')")
                // What a reload would take away.
                _ = try page.value("window.untouched = 1")

                let handle = try garden.create()
                try page.wait("\(section("Containers")).includes('\(handle)')")
                let program = try garden.run(handle, script: "sleep 1000").opened()
                try page.wait("\(section("Containers")).includes('sleep 1000')")
                try page.wait("\(section("In progress")).includes('process')")
                let volume = try volumes.create()
                try page.wait("\(section("Volumes")).includes('\(volume.handle)')")
                let broken = Garden.newHandle()
                #expect(try refuse(broken, garden).status == 500)
                try page.wait("\(section("Recent traces")).includes('ENOENT')")
                #expect(try page.holds("\(section("Recent traces")).includes('\(broken)')"))

                // What has the focus keeps it while rows come above and below.
                let link = "document.querySelector('tr[data-key=\"container \(handle)\"] a')"
                _ = try page.value("(window.kept = \(link)).focus()")
                let second = try garden.create()
                try page.wait("\(section("Containers")).includes('\(second)')")
                #expect(try page.holds("document.activeElement === window.kept && window.kept.isConnected"))
                _ = try page.value("document.querySelector('.containers .sort').click()")
                #expect(try page.holds("document.querySelector('.containers th[aria-sort=ascending]')"))
                #expect(
                    try page.holds(
                        "[...document.querySelectorAll('.containers tbody tr')].map(r => r.dataset.key)"
                            + ".join() === ['container \(handle)', 'container \(second)'].sort().join()"))

                #expect(try page.value(Self.changedList).string == #"[{"handle":"c"},{"handle":"a","y":2,"z":3}]"#)

                for handle in [handle, second] { try garden.destroy(handle) }
                _ = try program.exit()
                try volumes.destroy(volume.handle)
                try page.wait("!\(section("Containers")).includes('\(handle)')")
                #expect(try page.holds("window.untouched === 1"), "reloaded")
            }
        }

        @Test(.ownWorker) func aTraceTellsWhereTheTimeWent() throws {
            let garden = try SharedWorker.garden
            let (trace, handle, broken) = (newTraceID(), Garden.newHandle(), Garden.newHandle())
            let parent = ["traceparent: 00-\(trace)-00f067aa0ba902b7-01"]
            try garden.create(["handle": handle], headers: parent)
            #expect(try garden.output(handle, "exit 3").status == 3)
            #expect(try refuse(broken, garden, headers: parent).status == 500)
            let program = try garden.run(handle, script: "sleep 1000").opened()

            try withBrowser(try SharedWorker.operations) { page in
                try page.open("/#/trace/\(trace)")
                try page.wait("\(Self.rows).some(r => r.innerText.includes('exit 3'))")
                let names = try page.value("\(Self.rows).map(r => r.querySelector('.name span[title]').title)").strings
                for name in ["POST /containers", "container.create", "child.mounts", "process"] {
                    #expect(names.contains(name))
                }
                #expect(try page.holds("\(Self.rows).every(r => r.querySelector('.track i').offsetWidth > 0)"))
                #expect(try page.holds("document.querySelector('.parts').innerText.includes('child.')"))

                // The failure, told once and by its call.
                let reasons = try page.value("[...document.querySelectorAll('.why')].map(w => w.innerText)").strings
                #expect(reasons.count == 1)
                for word in ["openat2", "ENOENT", "/no/such/directory"] {
                    #expect(reasons.first?.contains(word) == true)
                }
                try page.press("e")
                #expect(try page.holds("document.activeElement.nextSibling.className === 'why'"))
                try page.press("Enter")
                #expect(try page.holds("document.querySelector('.detail').innerText.includes('apron.syscall')"))
                try page.press("Enter")
                try page.wait("!document.querySelector('.detail')")

                // The open process makes the rest of the picture shorter with time, which is then left out.
                try page.wait("document.querySelector('.rows.broken')")
                try page.press("z")
                #expect(try !page.holds("document.querySelector('.rows.broken')"))

                try closeAndOpenSteps(page, handle: handle, trace: trace)
                try search(page, handle: handle, trace: trace)
            }
            try garden.destroy(handle)
            _ = try program.exit()
        }

        private func closeAndOpenSteps(_ page: Browser, handle: String, trace: String) throws {
            let (row, hash) = ("container \(handle)", "#/trace/\(trace)")
            try page.open("/")
            // What a page is told first may be a second old, without the container.
            try page.wait("document.querySelector('tr[data-key=\"\(row)\"]')")
            for _ in 0..<100 where try !page.holds("document.activeElement.dataset.key === '\(row)'") {
                try page.press("j")
            }
            #expect(try page.value("document.activeElement.dataset.go").string == hash)
            try page.press("Enter")
            try page.wait("location.hash === '\(hash)' && \(Self.rows).length > 2")
            let all = try page.value("\(Self.rows).length").integer
            try page.press("j")
            try page.press("h")
            #expect(try page.value("\(Self.rows).length").integer ?? 0 < all ?? 0)
            try page.press("l")
            #expect(try page.value("\(Self.rows).length").integer ?? 0 >= all ?? 0)
        }

        private func search(_ page: Browser, handle: String, trace: String) throws {
            for text in [handle, String(trace.prefix(12))] {
                try page.press("/")
                #expect(try page.holds("document.activeElement.id === 'search'"))
                try page.type(text)
                try page.press("Enter")
                try page.wait("location.hash === '#/search/\(text)'")
                try page.wait("document.querySelector('tr[data-go=\"#/trace/\(trace)\"]')")
            }
            try page.press("/")
            try page.type("nothing-is-called-so")
            try page.press("Enter")
            try page.wait("document.getElementById('main').innerText.includes('Nothing is called so')")
            try page.press("Escape")
            try page.wait("location.hash === '#/' && document.querySelector('.tiles')")
        }

        @Test(.ownWorker) func darkAndLight() throws {
            let brightness =
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
                + ".slice(0, 3).reduce((a, b) => a + Number(b), 0)"
            try withBrowser(try SharedWorker.operations) { page in
                try page.prefer("light")
                try page.open("/")
                try page.wait(Self.isLive)
                #expect(try page.holds("\(brightness) > 600"))
                try page.prefer("dark")
                try page.wait("\(brightness) < 150")
                try page.press("t")
                try page.wait("\(brightness) > 600")
                try page.press("?")
                #expect(try page.holds("document.getElementById('keys').open"))
                // What is gone is said, not shown as empty.
                try page.open("/#/trace/\(newTraceID())")
                _ = try page.value("document.getElementById('keys').close()")
                try page.wait("document.getElementById('main').innerText.includes('not kept any more')")
                // The one complaint there must be: that the trace was not found. It may come after the text.
                try eventually("the browser's complaint") {
                    _ = try page.holds("true")
                    return page.complaints.isEmpty ? nil : ()
                }
                #expect(page.takeComplaints().count == 1)
            }
        }

        @Test(.ownWorker) func theTerminalShowsTheSame() throws {
            let garden = try SharedWorker.garden
            let url = "http://127.0.0.1:\(try SharedWorker.operations.port)"
            let (trace, broken) = (newTraceID(), Garden.newHandle())
            let handle = try garden.create(headers: ["traceparent: 00-\(trace)-00f067aa0ba902b7-01"])
            #expect(try refuse(broken, garden).status == 500)
            #expect(try runProgram(Roots.binary(), "top", "--once", "--url", url).contains(handle))
            #expect(try runProgram(Roots.binary(), "trace", "--url", url).contains(trace))
            let picture = try runProgram(Roots.binary(), "trace", trace, "--url", url)
            #expect(picture.contains("container.launch") && picture.contains("█"))
            let failure = try runProgram(Roots.binary(), "trace", broken, "--url", url)
            #expect(failure.contains("openat2 /no/such/directory") && failure.contains("ENOENT"))
            try garden.destroy(handle)
        }

        /// A creation that fails.
        private func refuse(_ handle: String, _ garden: Garden, headers: [String] = []) throws -> Reply {
            try garden.call(
                "POST", "/containers", JSON.encode(["handle": handle, "rootfs": "raw:///no/such/directory"]),
                headers: headers)
        }

        private func newTraceID() -> String {
            (0..<32).map { _ in String(Int.random(in: 1...15), radix: 16) }.joined()
        }
    }
}
