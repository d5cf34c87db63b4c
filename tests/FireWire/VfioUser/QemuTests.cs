using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>The server with the client that it is for.</summary>
public sealed class QemuTests
{
    // A loaded machine may need long to start a process; nothing here is about speed.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData("q35")]
    [InlineData("pc")]
    public async Task Qemu_takes_the_device_and_leaves_it_in_order(string machine)
    {
        string root = FindRoot();
        Assert.SkipUnless((await Run(root, "-device vfio-user-pci,help", input: "")).Status == 0, "this QEMU has no vfio-user-pci");
        using var server = new TestServer();
        string socket = server.Path;
        string arguments = $"-nodefaults -display none -machine {machine},memory-backend=ram -m 64M -S -qmp stdio " +
            "-object memory-backend-memfd,id=ram,size=64M,share=on " +
            $"-device {{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}";
        for (int round = 1; round <= 2; round++)
        {
            (int status, string said) = await Run(root, arguments, "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-pci\"}\n{\"execute\":\"quit\"}\n");
            Assert.True(status == 0, said);
            Assert.Contains("\"vendor\": 4660", said, StringComparison.Ordinal);
            Assert.Contains("\"size\": 4096", said, StringComparison.Ordinal);
            Assert.Equal(round, server.Server.Clients);
        }
        Assert.Equal(0, server.Server.Broken);
    }

    private static async Task<(int Status, string Said)> Run(string root, string arguments, string input)
    {
        var start = new ProcessStartInfo(Path.Combine(root, "iso/qemu.sh"), arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process qemu = Process.Start(start)!;
        try
        {
            Task<string> output = qemu.StandardOutput.ReadToEndAsync(), errors = qemu.StandardError.ReadToEndAsync();
            await qemu.StandardInput.WriteAsync(input);
            qemu.StandardInput.Close();
            await qemu.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(_patience, TestContext.Current.CancellationToken);
            return (qemu.ExitCode, qemu.ExitCode == 0 ? await output : await errors);
        }
        finally
        {
            if (!qemu.HasExited)
                qemu.Kill();
        }
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder != null && !File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("not inside of the project");
    }
}
