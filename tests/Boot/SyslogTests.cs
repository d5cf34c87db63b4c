using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The boot argument <c>syslog</c>: a machine says how its tests ended without any port but its network card's.</summary>
public sealed partial class SyslogTests
{
    /// <summary>With the results channel both say the same; without it, and without a serial line, the network alone tells.</summary>
    [Theory]
    [InlineData("e1000e", true)]
    [InlineData("e1000e", false)]
    [InlineData("i82557b", false)]
    public async Task Results_of_tests_arrive_at_a_server(string card, bool channel)
    {
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        server.Client.ReceiveBufferSize = 1 << 20;
        int port = ((IPEndPoint)server.Client.LocalEndPoint!).Port;
        using var end = new CancellationTokenSource();
        Task<List<string>> listening = Listen(server, end.Token);
        await using Machine machine = await Machine.Start($"syslog-{card}{(channel ? "" : "-alone")}", new MachineSetup
        {
            Arguments = $"syslog=10.0.2.2:{port} test=* after=exit",
            Serial = channel,
            ResultsChannel = channel,
            More = ["-netdev", "user,id=u", "-device", $"{card},netdev=u"],
        });
        int status = await machine.WaitForExit();
        // What QEMU sent before it ended is in the socket.
        await Task.Delay(500, TestContext.Current.CancellationToken);
        await end.CancelAsync();

        Match[] messages = [.. (await listening).Select(text => Message().Match(text))];
        Assert.All(messages, message => Assert.True(message.Success));
        Assert.Equal(Enumerable.Range(1, messages.Length), messages.Select(m => int.Parse(m.Groups["sequence"].Value, CultureInfo.InvariantCulture)));
        Assert.All(messages, message => Assert.Equal("10.0.2.15", message.Groups["host"].Value));
        Match[] log = [.. messages.Where(m => m.Groups["kind"].Value == "log")];
        Assert.Contains(log, m => m.Groups["text"].Value.Contains("by DHCP from 10.0.2.2"));
        Assert.All(log, m => Assert.InRange(int.Parse(m.Groups["priority"].Value, CultureInfo.InvariantCulture), 0, 7));

        string results = string.Concat(messages.Where(m => m.Groups["kind"].Value == "results").Select(m => m.Groups["text"].Value + "\n"));
        KtapReport report = KtapParser.Parse(results);
        Assert.Empty(report.Problems);
        Assert.InRange(report.Cases.Count(c => c.Case.Verdict == KtapVerdict.Passed), 50, int.MaxValue);
        Assert.Equal([], report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Failed).Select(c => $"{c.Case.Name}: {c.Case.Why}"));
        Assert.Equal(SelfTestRun.AllPassed, status);
        Assert.Equal(channel ? machine.Results : "", channel ? results : machine.Results);
    }

    private static async Task<List<string>> Listen(UdpClient server, CancellationToken end)
    {
        var messages = new List<string>();
        try
        {
            while (true) messages.Add(Encoding.UTF8.GetString((await server.ReceiveAsync(end)).Buffer));
        }
        catch (OperationCanceledException) { }
        return messages;
    }

    // RFC 5424, section 6.
    [GeneratedRegex(@"^<(?<priority>\d+)>1 - (?<host>\S+) sluice - (?<kind>log|results) \[meta sequenceId=""(?<sequence>\d+)"" sysUpTime=""\d+""\] (?<text>.*)$")]
    private static partial Regex Message();
}
