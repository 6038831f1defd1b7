import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0004_tasks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SagaToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='What it is for.', max_length=100)),
                ('beginning', models.CharField(help_text='Of the token, to tell it by.', max_length=16)),
                ('digest', models.CharField(editable=False, help_text='SHA-256.', max_length=64, unique=True)),
                ('password_hash', models.CharField(editable=False, help_text='A piece of the session hash, with which it ends.', max_length=32)),
                ('scopes', models.JSONField(blank=True, default=list, help_text='Empty: all that its user may.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(help_text='To the minute.', null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
